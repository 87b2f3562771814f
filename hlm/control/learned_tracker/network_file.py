"""The file of a learned tracker: given by the user, checked, opened."""

from __future__ import annotations

from pathlib import Path

from hlm.control.learned_tracker.contract import contract_fault
from hlm.control.learned_tracker.observation import OBSERVATIONS
from hlm.control.onnx_network import OnnxNetwork, Wanted, open_onnx
from hlm.core.embodiment import Embodiment
from hlm.core.errors import CorruptError, MismatchError
from hlm.core.layout import JOINTS

_WANTED = Wanted(who="learned trackers", inputs=OBSERVATIONS, outputs=JOINTS, mend="pip install 'hlm[learned]'")


def digest_file(path: Path) -> Path:
    """Where the SHA-256 of a network's file is noted, as `sha256sum` writes it."""
    return path.with_name(f"{path.name}.sha256")


def open_tracker_network(path: Path, embodiment: Embodiment) -> OnnxNetwork:
    """The network of a learned tracker, in one thread.

    Args:
        path: its ONNX file; where its SHA-256 is noted beside it, it must be that one.
        embodiment: the robot that it must be made for.

    Raises:
        MissingDependencyError: ONNX's runtime is not installed.
        MissingFileError: there is no such file.
        CorruptError: it is no network, or not the one that was exported.
        MismatchError: it sees or says something else than this robot's trackers do.
    """

    def check(found: str) -> None:
        noted = digest_file(path)
        if noted.is_file() and (wanted := noted.read_text(encoding="utf-8").split(maxsplit=1)[:1]) != [found]:
            known = wanted[0][:12] if wanted else "nothing"
            raise CorruptError(f"{path} is not what was exported: its SHA-256 is {found[:12]}..., not {known}....")

    network = open_onnx(path, _WANTED, check)
    if fault := contract_fault(network.metadata, embodiment):
        raise MismatchError(f"{path} is no tracker for {embodiment.name}: {fault}.")
    return network
