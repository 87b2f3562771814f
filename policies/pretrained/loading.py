"""Tensors into a network by name, with an account of every tensor on either side."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from torch import Tensor, nn

from hlm.core.errors import MismatchError
from hlm.policies.load_report import LoadReport
from hlm.policies.pretrained.weights import Weights


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """The tensors in a folder of weights, by name.

    Raises:
        MissingFileError: the folder has no weights.
        CorruptError: they are damaged.
    """
    with Weights(folder) as weights:
        return {name: weights.read(name) for name in weights.found}


def load_tensors(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    origin: str,
    *,
    growing: Collection[str] = (),
    drawn: Mapping[str, str] | None = None,
    ignored: Mapping[str, str] | None = None,
) -> LoadReport:
    """Copy tensors into a network by name.

    Args:
        network: changed in place, unless an error is raised.
        tensors: tensors by the network's names.
        origin: where they are from, for people.
        growing: names of tensors that may be smaller than the network's; the rest keeps its random values.
        drawn: patterns of names that may keep their random values, and why.
        ignored: patterns of names in `tensors` that the network does not use, and why.

    Raises:
        MismatchError: a tensor is missing, unknown to the network, or of another shape.
    """
    own = network.state_dict()
    unused = _explained(tensors.keys() - own.keys(), ignored or {})
    taken = [name for name in tensors if name in own]
    shared = {own[name].data_ptr() for name in taken}
    # Of tied tensors one name is enough.
    absent = [name for name in own if name not in tensors and own[name].data_ptr() not in shared]
    random = _explained(absent, drawn or {})
    misshapen = [name for name in taken if not _fits(tensors[name], own[name], grows=name in growing)]
    missing = sorted(set(absent) - random.keys())
    unknown = sorted(tensors.keys() - own.keys() - unused.keys())
    if missing or unknown or misshapen:
        difference = _difference(missing, unknown, misshapen, tensors, own)
        raise MismatchError(f"the weights of {origin} do not fit the network: {difference}.")
    for name in taken:
        part = own[name][tuple(slice(size) for size in tensors[name].shape)]
        part.copy_(tensors[name])
    resized = {
        name: f"{_shape(tensors[name])} into {_shape(own[name])}, the rest random"
        for name in taken
        if tensors[name].shape != own[name].shape
    }
    loaded = tuple(name for name in own if name not in random and name not in resized)
    return LoadReport(origin=origin, loaded=loaded, resized=resized, random=random, ignored=unused)


def random_report(network: nn.Module) -> LoadReport:
    """The report of a network that keeps its random weights because its config names no pretrained ones."""
    return load_tensors(network, {}, "random weights", drawn={"*": "no pretrained weights were asked for"})


def _fits(found: Tensor, own: Tensor, *, grows: bool) -> bool:
    if not grows:
        return found.shape == own.shape
    return found.ndim == own.ndim and all(a <= b for a, b in zip(found.shape, own.shape, strict=True))


def _explained(names: Collection[str], reasons: Mapping[str, str]) -> dict[str, str]:
    """The names that match a pattern, and the pattern's reason."""
    found = (
        (name, next((why for pattern, why in reasons.items() if fnmatchcase(name, pattern)), None)) for name in names
    )
    return {name: why for name, why in sorted(found) if why is not None}


def _difference(
    missing: list[str],
    unknown: list[str],
    misshapen: list[str],
    tensors: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
) -> str:
    parts = []
    if missing:
        parts.append(f"{len(missing)} missing ({missing[0]}, ...)")
    if unknown:
        parts.append(f"{len(unknown)} that the network does not have ({unknown[0]}, ...)")
    if misshapen:
        name = misshapen[0]
        parts.append(f"{len(misshapen)} of another shape ({name} is {_shape(tensors[name])}, not {_shape(own[name])})")
    return ", ".join(parts)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
