"""A toy pi0.5, the same in LeRobot's format, and a tokenizer of a few words."""

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import torch
from lerobot.configs import FeatureType, PolicyFeature
from lerobot.policies.pi05 import modeling_pi05
from lerobot.policies.pi05.configuration_pi05 import PI05Config
from lerobot.policies.pi05.modeling_pi05 import PI05Policy
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import nn
from transformers import PreTrainedTokenizerFast

from hlm.policies.network import Inputs
from hlm.policies.pi05.build import build
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.pi05.core import make_core
from hlm.policies.pi05.sizes import size_of
from hlm.policies.transforms.text import NoText

SIDE = 28
HORIZON = 6
DIMENSIONS = 34
WORDS = 1024
CAMERAS = ("head", "left_wrist", "right_wrist")
TOY = Pi05Config(
    pretrained=None,
    init="random",
    dtype="float32",
    gradient_checkpointing=False,
    paligemma_variant="gemma_toy",
    action_expert_variant="gemma_toy",
    token_limit=12,
)


def encoding(text=None, dimensions=DIMENSIONS):
    """What a network is told about the data."""
    return SimpleNamespace(
        horizon=HORIZON, dimensions=dimensions, cameras=CAMERAS, image_size=(SIDE, SIDE), text=text or NoText()
    )


def stir(network, seed=0):
    """Random weights everywhere: those that are zero when drawn would hide what flows through them."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(0.15 * torch.randn(weight.shape, generator=random))
    return network


def lerobot_policy(dimensions):
    """LeRobot's policy at toy width, with the language heads that it carries along."""
    config = PI05Config(
        device="cpu",
        chunk_size=HORIZON,
        n_action_steps=HORIZON,
        max_action_dim=dimensions,
        image_resolution=(SIDE, SIDE),
        input_features={
            f"observation.images.{name}": PolicyFeature(FeatureType.VISUAL, (3, SIDE, SIDE)) for name in CAMERAS
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (dimensions,))},
    )

    def toy(config, rtc_processor=None):
        core = make_core(config, size_of("gemma_toy", "gemma_toy", config.image_resolution))
        core.rtc_processor = rtc_processor
        both = core.paligemma_with_expert
        both.paligemma.lm_head = nn.Linear(64, WORDS, bias=False)
        both.gemma_expert.lm_head = nn.Linear(32, WORDS, bias=False)
        return core

    with patch.object(modeling_pi05, "PI05Pytorch", toy):
        return stir(PI05Policy(config), seed=1)


@pytest.fixture(scope="session")
def lerobot_folder(tmp_path_factory):
    """Pretrained weights as LeRobot writes them, of 32 dimensions; not to be changed."""
    folder = tmp_path_factory.mktemp("pretrained") / "pi05_toy"
    logging.disable(logging.WARNING)
    lerobot_policy(32).save_pretrained(folder)
    logging.disable(logging.NOTSET)
    return folder


@pytest.fixture
def make_network():
    """A toy network with random weights; takes what to change about the config."""

    def make(text=None, stirred=True, **changes):
        network = build(replace(TOY, **changes), encoding(text), draw=not stirred)
        return (stir(network) if stirred else network).eval()

    return make


@pytest.fixture
def inputs():
    """Three samples: all views and words, no head view, no right wrist view."""
    random = torch.Generator().manual_seed(0)
    return Inputs(
        images=torch.rand(3, 3, 3, SIDE, SIDE, generator=random) * 2 - 1,
        available=torch.tensor([[True, True, True], [False, True, True], [True, True, False]]),
        state=None,
        tokens=torch.randint(1, WORDS, (3, 12), generator=random),
        token_mask=torch.arange(12) < torch.tensor([[12], [7], [5]]),
    )


def noise_of(batch=3, seed=5):
    return torch.randn(batch, HORIZON, DIMENSIONS, generator=torch.Generator().manual_seed(seed))


class FixedDraws:
    """The same noise and flow times whenever asked."""

    def __init__(self, noise, uniform):
        self.noise, self.times = noise, uniform

    def normal(self, *shape):
        assert shape == tuple(self.noise.shape[1:])
        return self.noise

    def uniform(self, *shape):
        assert shape == ()
        return self.times


def as_lerobot(inputs):
    """Pictures, masks, tokens and their mask as LeRobot's network takes them."""
    return list(inputs.images.unbind(1)), list(inputs.available.unbind(1)), inputs.tokens, inputs.token_mask


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory):
    """A tokenizer that knows digits and letters one by one, and begins like PaliGemma's."""
    marks = ["<pad>", "<eos>", "<bos>", "<unk>"]
    letters = [*"0123456789abcdefghijklmnopqrstuvwxyzATS:;,-. \n"]
    vocabulary = {word: number for number, word in enumerate(marks + letters)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    inner.decoder = decoders.Fuse()
    inner.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    folder = tmp_path_factory.mktemp("tokenizer") / "letters"
    PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    ).save_pretrained(folder)
    return Path(folder)
