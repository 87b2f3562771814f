"""Checkpoints of openpi's PyTorch pi0.5 with OpenHLM's 34 dimensions, as checkpoints of hlm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from hlm.core.documents import to_document
from hlm.core.errors import MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.datasets.convert.staging import must_be_free, staged
from hlm.policies.catalog import find_policy_type
from hlm.policies.checkpoint import Checkpoint, write_checkpoint
from hlm.policies.checkpoint_config import CheckpointConfig, Sampling
from hlm.policies.encoding import Encoding, EncodingConfig
from hlm.policies.exchange.openpi_folder import CAMERAS, OPTIONAL_CAMERAS, OpenpiOptions, read_statistics
from hlm.policies.load_report import LoadReport
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.pi05.sizes import PATCH_PX, variants_of
from hlm.policies.pretrained.weights import Found, Weights

# As OpenHLM's server and its client do.
EULER_STEPS, EXECUTED = 10, 25
# Endings of the tensors whose shapes tell the network's size.
_LANGUAGE = "language_model.layers.0.input_layernorm.weight"
_ATTENTION = "language_model.layers.0.self_attn.q_proj.weight"
_PATCHES = "embeddings.position_embedding.weight"
_ACTIONS = "action_in_proj.weight"


class Opened(NamedTuple):
    """A policy of openpi.

    Attributes:
        checkpoint: the same policy in hlm's terms.
        report: what became of each tensor.
        notes: what the folder does not say and was assumed, a sentence each.
    """

    checkpoint: Checkpoint
    report: LoadReport
    notes: tuple[str, ...]


def open_openpi(path: Path, options: OpenpiOptions, *, embodiment: str, rate_hz: float) -> Opened:
    """The policy in a folder of openpi.

    Args:
        path: the folder.
        options: what it does not say.
        embodiment: robot that the policy drives.
        rate_hz: actions per second.

    Raises:
        MissingFileError: weights, statistics or tokenizer are missing.
        CorruptError: a file is damaged.
        MismatchError: another network: a tensor is missing, unknown, or of another shape.
    """
    statistics = read_statistics(path, options)
    chosen, image_px = _described(path, options)
    encoding = EncodingConfig(
        cameras=CAMERAS,
        optional_cameras=OPTIONAL_CAMERAS,
        recorded_sizes=((image_px, image_px),),
        image_size=(image_px, image_px),
        horizon=options.horizon,
        actions=options.actions,
        # Where training hardly moved, the file has 0 and 1 already (OpenHLM), or openpi divides by next to nothing.
        small_ranges="keep",
        state_limit=None,
    )
    policy_type = find_policy_type("pi05")
    text = policy_type.new_text(chosen, ())
    network = policy_type.build(chosen, Encoding.of(encoding, statistics.state, statistics.action, text))
    report = policy_type.initialise(network, chosen) or LoadReport(origin=str(path))
    # Training further may draw what a smaller policy lacks; one that drives a robot must be whole.
    if drawn := sorted({**report.resized, **report.random}):
        raise MismatchError(f"{path} has no {DIMENSIONS} dimensions in {drawn[0]}; it is not a whole policy.")
    config = CheckpointConfig(
        policy="pi05",
        embodiment=embodiment,
        rate_hz=rate_hz,
        encoding=encoding,
        policy_config=to_document(chosen),
        sampling=Sampling(euler_steps=EULER_STEPS, execution_horizon=min(EXECUTED, options.horizon)),
    )
    checkpoint = Checkpoint(config=config, statistics=statistics, text=text, weights=network.state_dict(), step=0)
    return Opened(checkpoint, report, _notes(options))


def import_openpi(path: Path, target: Path, options: OpenpiOptions, *, embodiment: str, rate_hz: float) -> Opened:
    """Make a checkpoint of a policy of openpi, all or nothing; see `open_openpi`.

    Raises:
        ExistsError: the target exists.
        StorageError: it could not be written.
        HlmError: as `open_openpi`.
    """
    must_be_free(target)
    opened = open_openpi(path, options, embodiment=embodiment, rate_hz=rate_hz)
    with staged(target) as stage:
        write_checkpoint(stage, opened.checkpoint, None, _card(opened, path))
    return opened


def _described(path: Path, options: OpenpiOptions) -> tuple[Pi05Config, int]:
    """The network's options, and height and width of its images, px, from names and shapes of the tensors."""
    with Weights(path) as weights:
        found = weights.found
    dimensions = _tensor(found, _ACTIONS, path).shape[-1]
    if dimensions != DIMENSIONS:
        raise MismatchError(
            f"{path} has {dimensions} action dimensions, and hlm drives {DIMENSIONS}. It cannot be served, but trained "
            f"further: hlm train --policy pi05 --pi05.pretrained {path}"
        )
    language, expert = variants_of(
        _tensor(found, _LANGUAGE, path).shape[0], _tensor(found, _ACTIONS, path).shape[0], str(path)
    )
    dtype: Literal["bfloat16", "float32"] = (
        "bfloat16" if _tensor(found, _ATTENTION, path).dtype == "BF16" else "float32"
    )
    chosen = Pi05Config(
        pretrained=str(path),
        tokenizer=options.tokenizer_for(path),
        dtype=dtype,
        paligemma_variant=language,
        action_expert_variant=expert,
    )
    return chosen, PATCH_PX * round(_tensor(found, _PATCHES, path).shape[0] ** 0.5)


def _tensor(found: Mapping[str, Found], ending: str, path: Path) -> Found:
    for name, tensor in found.items():
        if name.endswith(ending) and tensor.shape:
            return tensor
    raise MismatchError(f"the weights in {path} are not openpi's pi0.5: they have no {ending}.")


def _notes(options: OpenpiOptions) -> tuple[str, ...]:
    return (
        "states and actions have OpenHLM's 34 dimensions, which are hlm's, in the same order and units",
        f"taken for granted, as the folder does not say it: {options.actions} actions, {options.horizon} in a chunk; a "
        "network that predicts velocities; the head camera may be missing",
        "openpi cuts prompts that are too long; hlm refuses them",
    )


def _card(opened: Opened, path: Path) -> str:
    config = opened.checkpoint.config
    notes = "\n".join(f"- {note}" for note in opened.notes)
    return (
        f"# {config.policy} for {config.embodiment}\n\n"
        f"Imported from openpi's checkpoint {path.resolve().name}. {config.rate_hz:g} actions per second.\n\n"
        f"{notes}\n\n"
        "The quantiles in statistics.json are the values that openpi maps to -1 and 1; smallest and largest values are "
        "unknown and repeat them, and so is the number of steps behind them.\n"
    )
