"""Policies that LeRobot trained on datasets in hlm's layout, as checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lerobot.utils.constants import ACTION, OBS_STATE

from hlm.core.documents import to_document
from hlm.core.errors import CorruptError, InputError, MismatchError
from hlm.core.layout import NAMES
from hlm.datasets.convert.staging import must_be_free, staged
from hlm.datasets.statistics import Statistics
from hlm.policies.catalog import find_policy_type
from hlm.policies.checkpoint import Checkpoint, write_checkpoint
from hlm.policies.checkpoint_config import CheckpointConfig, Sampling
from hlm.policies.encoding import Encoding, EncodingConfig
from hlm.policies.exchange.exchange_type import ExchangeType, find_exchange_type
from hlm.policies.exchange.folder import PolicyFolder
from hlm.policies.exchange.normaliser import statistics_of
from hlm.policies.load_report import LoadReport
from hlm.policies.pretrained.lerobot_config import check_lerobot_config


def import_policy(path: Path, target: Path, *, embodiment: str, rate_hz: float) -> LoadReport:
    """Make a checkpoint of a policy that LeRobot saved, all or nothing.

    Args:
        path: folder of the LeRobot policy.
        target: checkpoint folder to create.
        embodiment: robot that the policy drives, which LeRobot does not record.
        rate_hz: actions per second, which LeRobot does not record.

    Returns:
        What became of each tensor.

    Raises:
        MissingFileError: no policy, or a model that it names is missing.
        CorruptError: a file is damaged.
        MismatchError: hlm cannot express the policy.
        ExistsError: the target exists.
        StorageError: it could not be written.
    """
    if not 0.0 < rate_hz < np.inf:
        raise InputError(f"rate_hz must be positive, got {rate_hz:g}.")
    must_be_free(target)
    folder = PolicyFolder.read(path)
    policy = str(folder.config.get("type"))
    exchange = find_exchange_type(policy, f"{path} holds a policy of type '{policy}', which hlm cannot import")
    check_lerobot_config(folder.config, policy, exchange.FIXED, str(path))
    folder.check_dimensions()
    _check_names(folder)
    checkpoint, report = _checkpoint(folder, exchange, policy, embodiment, rate_hz)
    with staged(target) as stage:
        write_checkpoint(stage, checkpoint, None, _card(checkpoint, folder))
    return report


def _checkpoint(
    folder: PolicyFolder, exchange: ExchangeType, policy: str, embodiment: str, rate_hz: float
) -> tuple[Checkpoint, LoadReport]:
    try:
        options = exchange.config_of(folder)
        encoding = _encoding(folder, exchange)
        sampling = Sampling(
            euler_steps=exchange.euler_steps(folder), execution_horizon=int(folder.config["n_action_steps"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptError(f"{folder.path}: config.json cannot be read ({error!r}).") from error
    statistics = Statistics(
        steps=0,
        state=statistics_of(folder.figures(OBS_STATE), folder.mode("STATE"), "states"),
        action=statistics_of(folder.figures(ACTION), folder.mode("ACTION"), "actions"),
    )
    text = find_policy_type(policy).new_text(options, ())
    config = CheckpointConfig(
        policy=policy,
        embodiment=embodiment,
        rate_hz=rate_hz,
        encoding=encoding,
        policy_config=to_document(options),
        sampling=sampling,
    )
    network = find_policy_type(policy).build(options, Encoding.of(encoding, statistics.state, statistics.action, text))
    report = exchange.load(network, options, folder)
    if report.random or report.resized:
        raise MismatchError(f"the weights in {folder.path} do not cover the whole network; it cannot be served.")
    return Checkpoint(config=config, statistics=statistics, text=text, weights=network.state_dict(), step=0), report


def _encoding(folder: PolicyFolder, exchange: ExchangeType) -> EncodingConfig:
    """The encoding that prepares observations exactly as LeRobot does."""
    cameras = folder.cameras
    return EncodingConfig(
        cameras=tuple(cameras),
        recorded_sizes=tuple(dict.fromkeys(cameras.values())),
        image_size=exchange.image_size(folder),
        horizon=int(folder.config["chunk_size"]),
        proprioception=folder.proprioception,
        small_ranges="keep",
        state_limit=None,
    )


def _check_names(folder: PolicyFolder) -> None:
    names = folder.config.get("action_feature_names")
    if names is not None and tuple(names) != NAMES:
        raise MismatchError(f"{folder.path} has its actions in another order ({', '.join(map(str, names[:3]))}, ...).")


def _card(checkpoint: Checkpoint, folder: PolicyFolder) -> str:
    config = checkpoint.config
    return (
        f"# {config.policy} for {config.embodiment}\n\n"
        f"Imported from the LeRobot policy {folder.path.name}. {config.rate_hz:g} actions per second.\n\n"
        "The quantiles in statistics.json are the values that LeRobot's normaliser maps to -1 and 1. The other "
        "statistics are LeRobot's where it has them. The number of steps behind them is unknown.\n"
    )
