"""A checkpoint of any policy type as a policy: observations in, action chunks out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from hlm.core.errors import CorruptError, InputError, MismatchError
from hlm.core.policy import ActionPrefix, PolicySpec
from hlm.core.ranges import must_be_at_least
from hlm.core.values import ActionChunk, Observation
from hlm.policies.catalog import find_policy_type
from hlm.policies.checkpoint import Checkpoint, read_checkpoint
from hlm.policies.digest import policy_digest
from hlm.policies.inputs import inputs, stack
from hlm.policies.network import Inputs, Network, Prefix


class TrainedPolicy:
    """A trained policy; implements `hlm.core.policy.Policy`.

    The caller sets the number of CPU threads (`torch.set_num_threads`); one thread is fastest for single chunks.

    Args:
        checkpoint: the checkpoint.
        path: where the checkpoint is from, for people.
        euler_steps: flow steps per chunk; by default, the checkpoint's.
        device: device to compute on, by torch's name.
        seed: seed of the noise that chunks are sampled from.

    Raises:
        CorruptError: the weights do not fit the network that the checkpoint describes.
        InputError: euler_steps below 1, or an unavailable device.

    Attributes:
        encoding: encoding of observations and actions.
        euler_steps: flow steps per chunk.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        path: Path | None = None,
        euler_steps: int | None = None,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        config = checkpoint.config
        self.encoding = checkpoint.encoding()
        self.euler_steps = config.sampling.euler_steps if euler_steps is None else euler_steps
        must_be_at_least(1, self, "euler_steps")
        self._device = _device(device)
        self._network = build_network(checkpoint)
        self._network.prepare_sampling(self._device)
        self._generator = torch.Generator()
        sampling = replace(config.sampling, euler_steps=self.euler_steps)
        self._spec = checkpoint.config.spec(
            execution_horizon=sampling.execution_horizon,
            origin="" if path is None else str(path),
            digest=policy_digest(checkpoint, sampling),
            continues_chunks=self._network.continues_chunks,
        )
        self.reset(seed)

    @property
    def spec(self) -> PolicySpec:
        """What the policy needs and returns."""
        return self._spec

    def describe_sampling(self) -> Mapping[str, object]:
        """How chunks are computed, and which faster ways failed and why; may change with the first chunk."""
        return self._network.sampling_info

    def reset(self, seed: int, chunks: int = 0) -> None:
        """Restart the noise that chunks are sampled from; the same seed gives the same chunks."""
        self._generator.manual_seed(seed)
        for _ in range(chunks):
            self._noise()

    def inputs(self, observation: Observation) -> Inputs:
        """Inputs of the network for an observation, a batch of one.

        Raises:
            MismatchError: a camera is missing.
            InputError: the instruction cannot be encoded.
        """
        images = {name: frame.image for name, frame in observation.frames.items()}
        encoded = self.encoding.observation(images, observation.state, observation.instruction)
        return inputs(stack([encoded]), proprioception=self.encoding.proprioception, device=self._device)

    @torch.inference_mode()
    def chunk(self, observation: Observation, prefix: ActionPrefix | None = None) -> ActionChunk:
        """Actions from `observation.stamp_ns` on; implements the protocol.

        Args:
            observation: the current observation.
            prefix: rest of the chunk that is being executed, which the new chunk has to continue.

        Raises:
            MismatchError: a camera is missing; a prefix that the policy cannot
                continue.
            InputError: the instruction cannot be encoded.
        """
        noise = self._noise().to(self._device)
        known = None if prefix is None else self._normalised(prefix, observation)
        sampled = self._network.sample(self.inputs(observation), noise, self.euler_steps, known)
        actions = self.encoding.undo_chunk(sampled[0].float().cpu().numpy(), observation.state)
        return ActionChunk(observation.stamp_ns, self._spec.rate_hz, actions)

    def _noise(self) -> Tensor:
        return torch.randn((1, *self._network.noise_shape), generator=self._generator)

    def _normalised(self, prefix: ActionPrefix, observation: Observation) -> Prefix:
        if not self._spec.continues_chunks:
            raise MismatchError("this policy cannot continue a chunk; ask it without a prefix.")
        actions = torch.from_numpy(self.encoding.chunk(prefix.actions, observation.state)[None]).to(self._device)
        return Prefix(actions, prefix.delay, prefix.execution_horizon)


def load_policy(
    path: Path | str,
    *,
    euler_steps: int | None = None,
    device: str = "cpu",
    seed: int = 0,
    embodiment: str | None = None,
) -> TrainedPolicy:
    """The policy in a checkpoint folder, ready to serve.

    Args:
        path: checkpoint folder.
        euler_steps: Euler steps per chunk; by default, as the checkpoint says.
        device: torch device to compute on.
        seed: seed of the noise that chunks start from.
        embodiment: robot that the policy will drive; None to skip the check.

    Raises:
        MissingFileError: there is no checkpoint; the text names the nearest one.
        CorruptError: a file of the checkpoint is damaged.
        MismatchError: the policy was trained for another robot, or written by a newer hlm.
        UnknownNameError: a policy type that this hlm does not have.
        MissingDependencyError: a package that the policy type needs is not installed.
    """
    checkpoint = read_checkpoint(path)
    trained = checkpoint.config.embodiment
    if embodiment is not None and embodiment != trained:
        raise MismatchError(f"the policy at {path} was trained for robot '{trained}', not for '{embodiment}'.")
    return TrainedPolicy(checkpoint, path=Path(path), euler_steps=euler_steps, device=device, seed=seed)


def build_network(checkpoint: Checkpoint) -> Network:
    """The network with the checkpoint's weights, ready to sample.

    Raises:
        CorruptError: the weights belong to another network.
    """
    config = checkpoint.config
    # Drawing random weights, which are replaced below, must not change the caller's random state.
    with torch.random.fork_rng(devices=[]):
        network = find_policy_type(config.policy).build(config.options(), checkpoint.encoding())
    try:
        network.load_state_dict(dict(checkpoint.weights))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise CorruptError(f"the weights do not fit the network that config.yaml describes: {reason}") from error
    return network.eval().requires_grad_(requires_grad=False)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # Depends on how torch was built.
        reason = str(error).splitlines()[0][:200]
        raise InputError(f"torch cannot compute on device '{name}' here: {reason}") from error
    return device
