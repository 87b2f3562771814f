"""A toy policy type in one module: chunks are a linear function of the state."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from hlm.policies.flow_matching import mean_over_actions
from hlm.policies.network import Losses, Network
from hlm.policies.policy_config import PolicyConfig
from hlm.policies.transforms.text import NoText


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearConfig(PolicyConfig):
    """A linear policy.

    Attributes:
        bias: whether chunks have a constant part.
    """

    training_defaults: ClassVar = {"learning_rate": 1e-2, "euler_steps": 1}
    bias: bool = True


class LinearNetwork(Network):
    noise_shape = (0,)
    continues_chunks = False

    def __init__(self, dimensions, horizon, *, bias):
        super().__init__()
        self.horizon = horizon
        self.map = nn.Linear(dimensions, horizon * dimensions, bias=bias)

    def forward(self, batch, draws):
        error = (self.sample(batch.inputs, None, 1) - batch.actions).square().mean(-1)
        return Losses(mean_over_actions(error, batch.action_is_pad), {})

    def sample(self, inputs, noise, steps, prefix=None):
        return self.map(inputs.state).unflatten(-1, (self.horizon, -1))


def new_text(config, episodes):
    return NoText()


def save_text(text, folder):
    pass


def saved_text(config, vocabulary, folder):
    return NoText()


def build(config, encoding):
    return LinearNetwork(encoding.dimensions, encoding.horizon, bias=config.bias)


def initialise(network, config):
    return None


def privileged(episodes, encoding):
    return None
