"""Weights from elsewhere into a network, with an account of every tensor."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from torch import Tensor, nn

from hlm.core.errors import MismatchError, MissingFileError
from hlm.policies.network import LoadReport
from hlm.policies.pi05.pretrained import Weights


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Tensors in a folder of weights, by name.

    Raises:
        MissingFileError: there are none.
        CorruptError: they are damaged.
    """
    with Weights(folder) as weights:
        return {name: weights.read(name) for name in weights.found}


def not_found(source: str, part: str, error: Exception) -> MissingFileError:
    """The error that neither a folder nor Hugging Face has a part of a model."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return MissingFileError(
        f"no {part} in a folder '{source}', and Hugging Face does not give it ({reason}). "
        f"Fetch it where there is a network: hf download {source}"
    )


def load_tensors(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    origin: str,
    *,
    growing: Collection[str] = (),
    drawn: Mapping[str, str] | None = None,
    ignored: Mapping[str, str] | None = None,
) -> LoadReport:
    """Copy tensors into a network by name; each of both sides is accounted for.

    Args:
        network: changed, unless there is an error.
        tensors: by the network's names.
        origin: where they are from, for people.
        growing: names of tensors that may be smaller than the network's; what is beyond them stays as it was drawn.
        drawn: patterns of names that may stay as they were drawn, and why.
        ignored: patterns of names in `tensors` that the network has no use for, and why.

    Raises:
        MismatchError: a tensor is missing, is one too many, or has another shape.
    """
    own = network.state_dict()
    left_out = _explained(tensors.keys() - own.keys(), ignored or {})
    taken = [name for name in tensors if name in own]
    shared = {own[name].data_ptr() for name in taken}
    # Of tied tensors one name is enough.
    absent = [name for name in own if name not in tensors and own[name].data_ptr() not in shared]
    random = _explained(absent, drawn or {})
    wrong = [name for name in taken if not _fits(tensors[name], own[name], grows=name in growing)]
    missing = sorted(set(absent) - random.keys())
    strange = sorted(tensors.keys() - own.keys() - left_out.keys())
    if missing or strange or wrong:
        difference = _difference(missing, strange, wrong, tensors, own)
        raise MismatchError(f"the weights of {origin} do not fit the network: {difference}.")
    for name in taken:
        part = own[name][tuple(slice(size) for size in tensors[name].shape)]
        part.copy_(tensors[name])
    resized = {
        name: f"{_shape(tensors[name])} into {_shape(own[name])}, the rest as drawn"
        for name in taken
        if tensors[name].shape != own[name].shape
    }
    loaded = tuple(name for name in own if name not in random and name not in resized)
    return LoadReport(origin=origin, loaded=loaded, resized=resized, random=random, ignored=left_out)


def _fits(found: Tensor, own: Tensor, *, grows: bool) -> bool:
    if not grows:
        return found.shape == own.shape
    return found.ndim == own.ndim and all(a <= b for a, b in zip(found.shape, own.shape, strict=True))


def _explained(names: Collection[str], reasons: Mapping[str, str]) -> dict[str, str]:
    """Those of the names that a pattern with a reason matches, and the reason."""
    found = (
        (name, next((why for pattern, why in reasons.items() if fnmatchcase(name, pattern)), None)) for name in names
    )
    return {name: why for name, why in sorted(found) if why is not None}


def _difference(
    missing: list[str], strange: list[str], wrong: list[str], tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> str:
    parts = []
    if missing:
        parts.append(f"{len(missing)} missing ({missing[0]}, ...)")
    if strange:
        parts.append(f"{len(strange)} that the network does not have ({strange[0]}, ...)")
    if wrong:
        name = wrong[0]
        parts.append(f"{len(wrong)} of another shape ({name} is {_shape(tensors[name])}, not {_shape(own[name])})")
    return ", ".join(parts)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
