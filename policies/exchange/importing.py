"""Policies that LeRobot trained, on datasets in hlm's layout, as checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from lerobot.configs.types import NormalizationMode
from lerobot.utils.constants import ACTION, OBS_STATE

from hlm.core.documents import from_document, to_document
from hlm.core.errors import CorruptError, HlmError, InputError, MismatchError
from hlm.core.layout import NAMES
from hlm.datasets.convert.staging import must_be_free, staged
from hlm.datasets.statistics import Statistics
from hlm.policies.act.config import ActConfig
from hlm.policies.act.network import IMAGENET_MEAN, IMAGENET_STD
from hlm.policies.catalog import find_policy_type
from hlm.policies.checkpoint import Checkpoint, CheckpointConfig, Sampling, write_checkpoint
from hlm.policies.encoding import Encoding, EncodingConfig
from hlm.policies.exchange.folder import PolicyFolder
from hlm.policies.exchange.normaliser import statistics_of
from hlm.policies.lerobot.fixed import check_fixed
from hlm.policies.lerobot.loading import load_tensors, read_tensors
from hlm.policies.network import LoadReport, module
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.smolvla.config import SmolVLAConfig

# Fields of LeRobot's configurations by those of our settings.
ACT_FIELDS = {
    "backbone": "vision_backbone",
    "dim_model": "dim_model",
    "heads": "n_heads",
    "dim_feedforward": "dim_feedforward",
    "encoder_layers": "n_encoder_layers",
    "decoder_layers": "n_decoder_layers",
    "use_vae": "use_vae",
    "vae_encoder_layers": "n_vae_encoder_layers",
    "latent_dim": "latent_dim",
    "kl_weight": "kl_weight",
    "dropout": "dropout",
}
SMOLVLA_FIELDS = {
    "vlm": "vlm_model_name",
    "freeze_vision_encoder": "freeze_vision_encoder",
    "train_expert_only": "train_expert_only",
    "vlm_layers": "num_vlm_layers",
    "expert_width": "expert_width_multiplier",
    "max_tokens": "tokenizer_max_length",
}
PI05_FIELDS = {
    "paligemma_variant": "paligemma_variant",
    "action_expert_variant": "action_expert_variant",
    "dtype": "dtype",
    "freeze_vision": "freeze_vision_encoder",
    "token_limit": "tokenizer_max_length",
}
STEPS_FIELDS = {"smolvla": "num_steps", "pi05": "num_inference_steps"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """How a kind is read.

    Attributes:
        settings: of a folder.
        image_size: height and width that the network is to see, px, of the folder and its cameras' sizes.
    """

    settings: Callable[[PolicyFolder], Any]
    image_size: Callable[[PolicyFolder, Mapping[str, tuple[int, int]]], tuple[int, int]]


def import_policy(path: Path, target: Path, *, embodiment: str, rate_hz: float) -> LoadReport:
    """Make a checkpoint of a folder of LeRobot's; it is there completely when this returns, and not when it raises.

    Args:
        path: the folder.
        target: the checkpoint to make.
        embodiment: robot that the policy drives; LeRobot does not say.
        rate_hz: actions per second; LeRobot does not say.

    Returns:
        What became of each tensor.

    Raises:
        MissingFileError: there is no policy, or a model that it names is not to be had.
        CorruptError: a file is damaged.
        MismatchError: hlm cannot express the policy.
        ExistsError: something is at the target.
        StorageError: it could not be written.
    """
    if not 0.0 < rate_hz < np.inf:
        raise InputError(f"rate_hz must be positive, got {rate_hz:g}.")
    must_be_free(target)
    folder = PolicyFolder.read(path)
    kind = str(folder.config.get("type"))
    if kind not in _KINDS:
        raise MismatchError(f"{path} holds a policy of type '{kind}'; hlm can import {', '.join(_KINDS)}.")
    check_fixed(kind, folder.config, str(path))
    folder.check_dimensions()
    _check_names(folder)
    checkpoint, report = _checkpoint(folder, kind, embodiment, rate_hz)
    with staged(target) as stage:
        write_checkpoint(stage, checkpoint, None, _card(checkpoint, folder))
    return report


def _checkpoint(folder: PolicyFolder, kind: str, embodiment: str, rate_hz: float) -> tuple[Checkpoint, LoadReport]:
    try:
        settings = _KINDS[kind].settings(folder)
        encoding = _encoding(folder, kind)
        steps = int(folder.config.get(STEPS_FIELDS.get(kind, ""), 1))
        sampling = Sampling(euler_steps=steps, execution_horizon=int(folder.config["n_action_steps"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptError(f"{folder.path}: config.json cannot be read ({error!r}).") from error
    statistics = Statistics(
        steps=0,
        state=statistics_of(folder.figures(OBS_STATE), folder.mode("STATE"), "states"),
        action=statistics_of(folder.figures(ACTION), folder.mode("ACTION"), "actions"),
    )
    text = find_policy_type(kind).new_text(settings, ())
    config = CheckpointConfig(
        policy=kind,
        embodiment=embodiment,
        rate_hz=rate_hz,
        encoding=encoding,
        policy_config=to_document(settings),
        sampling=sampling,
    )
    network = module(
        find_policy_type(kind).build(settings, Encoding.of(encoding, statistics.state, statistics.action, text))
    )
    report = _load(network, settings, folder)
    return Checkpoint(config=config, statistics=statistics, text=text, weights=network.state_dict(), step=0), report


def _load(network: Any, settings: Any, folder: PolicyFolder) -> LoadReport:
    """All of the folder's weights into the network.

    Raises:
        MismatchError: they are not all that it needs.
    """
    if isinstance(settings, ActConfig):
        return load_tensors(network, read_tensors(folder.path), str(folder.path))
    kind = "smolvla" if isinstance(settings, SmolVLAConfig) else "pi05"
    report = find_policy_type(kind).initialise(network, replace(settings, pretrained=str(folder.path)))
    if report is None or report.random or report.resized:
        raise MismatchError(f"the weights in {folder.path} are not all that the network needs; it cannot be served.")
    return report


def _encoding(folder: PolicyFolder, kind: str) -> EncodingConfig:
    """The encoding that prepares observations as LeRobot does, and leaves what LeRobot leaves."""
    cameras = folder.cameras
    image_size = _KINDS[kind].image_size(folder, cameras)
    return EncodingConfig(
        cameras=tuple(cameras),
        recorded_sizes=tuple(dict.fromkeys(cameras.values())),
        image_size=image_size,
        horizon=int(folder.config["chunk_size"]),
        proprioception=folder.proprioception,
        near="exact",
        state_limit=None,
    )


def _act(folder: PolicyFolder) -> ActConfig:
    imagenet = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    if folder.mode("VISUAL") is not NormalizationMode.MEAN_STD or not all(
        name in figures and np.allclose(figures[name], wanted, atol=1e-4)
        for figures in folder.picture_figures
        for name, wanted in imagenet.items()
    ):
        raise MismatchError(
            f"{folder.path} does not normalise pictures with ImageNet's mean and standard deviation, as hlm always "
            "does, and LeRobot by default (--dataset.use_imagenet_stats=true)."
        )
    return _settings(ActConfig, ACT_FIELDS, folder)


def _smolvla(folder: PolicyFolder) -> SmolVLAConfig:
    _check_identity(folder)
    _check_padding(folder, ("max_state_dim", "max_action_dim"))
    width, height = folder.config["resize_imgs_with_padding"]
    if width != height:
        raise MismatchError(f"{folder.path} has a vision encoder for {height} x {width} px; hlm has squares.")
    return _settings(SmolVLAConfig, SMOLVLA_FIELDS, folder, pretrained=str(folder.path), resize_px=int(width))


def _pi05(folder: PolicyFolder) -> Pi05Config:
    _check_identity(folder)
    # The state is in the prompt: only actions are padded.
    _check_padding(folder, ("max_action_dim",))
    tokenizer = str(folder.steps["tokenizer_processor"].config["tokenizer_name"])
    return _settings(Pi05Config, PI05_FIELDS, folder, pretrained=str(folder.path), tokenizer=tokenizer)


def _settings[Settings](kind: type[Settings], names: Mapping[str, str], folder: PolicyFolder, **more: Any) -> Settings:
    try:
        document = {ours: folder.config[theirs] for ours, theirs in names.items()}
        return from_document(kind, document | more, "config.json")
    except HlmError as error:
        raise MismatchError(f"{folder.path} cannot be imported: {error}") from error


def _check_identity(folder: PolicyFolder) -> None:
    if folder.mode("VISUAL") is not NormalizationMode.IDENTITY:
        raise MismatchError(f"{folder.path} normalises pictures by {folder.mode('VISUAL').value}; hlm leaves them.")


def _check_padding(folder: PolicyFolder, fields: tuple[str, ...]) -> None:
    for field in fields:
        if folder.config[field] != len(NAMES):
            raise MismatchError(
                f"{folder.path} has {field} = {folder.config[field]}, and hlm's networks have {len(NAMES)} dimensions. "
                f"Train it with --policy.{field}={len(NAMES)}."
            )


def _check_names(folder: PolicyFolder) -> None:
    names = folder.config.get("action_feature_names")
    if names is not None and tuple(names) != NAMES:
        raise MismatchError(f"{folder.path} has its actions in another order ({', '.join(map(str, names[:3]))}, ...).")


def _own_size(folder: PolicyFolder, cameras: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """The size of all cameras' pictures, or that which a step resizes them to."""
    step = folder.steps.get("image_crop_resize_processor")
    if step is not None and step.config.get("resize_size"):
        height, width = step.config["resize_size"]
        return int(height), int(width)
    sizes = set(cameras.values())
    if len(sizes) != 1:
        found = ", ".join(f"{name} {height} x {width}" for name, (height, width) in cameras.items())
        raise MismatchError(f"{folder.path} has cameras of different sizes ({found}); hlm's networks see one size.")
    return sizes.pop()


def _image_resolution(folder: PolicyFolder, cameras: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    del cameras
    height, width = folder.config["image_resolution"]
    return int(height), int(width)


def _card(checkpoint: Checkpoint, folder: PolicyFolder) -> str:
    config = checkpoint.config
    return (
        f"# {config.policy} for {config.embodiment}\n\n"
        f"Imported from LeRobot's folder {folder.path.name}. {config.rate_hz:g} actions per second.\n\n"
        "The quantiles in statistics.json are what LeRobot's normaliser maps to -1 and 1, whatever LeRobot made them "
        "of, and the other figures are LeRobot's where it has them. How many rows they are of is not known.\n"
    )


_KINDS = {
    "act": _Kind(settings=_act, image_size=_own_size),
    "smolvla": _Kind(settings=_smolvla, image_size=_own_size),
    "pi05": _Kind(settings=_pi05, image_size=_image_resolution),
}
