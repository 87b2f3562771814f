"""Pretrained weights into pi0.5, with an account of every tensor on either side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from hlm.core.errors import MismatchError
from hlm.core.serialization import read_json
from hlm.policies.load_report import LoadReport
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.pi05.core import draw, generator
from hlm.policies.pi05.lora import ADAPTER, plain_name
from hlm.policies.pi05.names import EMBEDDING, HEADS, PALIGEMMA, named
from hlm.policies.pi05.network import Pi05Network
from hlm.policies.pi05.surgery import DRAWN_TOGETHER, fits, in_words, resize
from hlm.policies.pretrained.weights import CONFIG_FILE, DTYPES, Found, Weights, locate

VISION_LANGUAGE = "init=vision_language uses only the vision-language model"
UNUSED = {
    HEADS[0]: "language head, unused",
    HEADS[1]: "language head of the action expert, unused",
}
# Parts of tensor names that other versions save.
COMPUTED = ("rotary_emb.", "position_ids")


@dataclass
class _Plan:
    """What will become of every tensor.

    Attributes:
        source: name in the file by name in the network, for tensors that are read.
        resized: how tensors are resized, in words.
        random: why tensors are initialised at random, in words.
        ignored: why tensors of the file are ignored, in words.
    """

    source: dict[str, str] = field(default_factory=dict)
    resized: dict[str, str] = field(default_factory=dict)
    random: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)


def initialise(network: Pi05Network, config: Pi05Config, *, seed: int = 0) -> LoadReport:
    """Set the weights that training starts from.

    Args:
        network: changed in place once every tensor is known to fit.
        config: names the weights.
        seed: seed of the random weights.

    Raises:
        MissingFileError: no pretrained weights.
        MismatchError: they belong to another network: a tensor is missing, unknown, or of another shape or type.
        CorruptError: a file is damaged; the network may have been changed.
    """
    if config.origin is None:
        draw(network, seed)
        return LoadReport(origin="random weights", random=dict.fromkeys(network.state_dict(), "init=random"))
    folder = locate(config.origin)
    _check_model(folder, vision_language=config.init == "vision_language")
    with Weights(folder) as weights:
        plan = _plan(network, weights.found, config)
        draw(network, seed, plan.random.keys())
        _copy(network, weights, plan, seed)
    return LoadReport(
        origin=config.origin,
        loaded=tuple(name for name in plan.source if name not in plan.resized),
        resized=plan.resized,
        random=plan.random,
        ignored=plan.ignored,
    )


def _check_model(folder: Path, *, vision_language: bool) -> None:
    """Check that a folder holds pi0.5, or a model that the vision-language part may come from.

    Raises:
        CorruptError: its config.json is damaged.
        MismatchError: another model.
    """
    # openpi and OpenHLM write no config.json; then the names and shapes of the tensors have to do.
    document = read_json(folder / CONFIG_FILE) if (folder / CONFIG_FILE).exists() else {}
    model = document.get("type", document.get("model_type", "pi05"))
    known = ("pi05", "paligemma") if vision_language else ("pi05",)
    if model not in known:
        raise MismatchError(f"{folder} holds a '{model}' model; init needs {' or '.join(known)}.")


def _plan(network: Pi05Network, found: Mapping[str, Found], config: Pi05Config) -> _Plan:
    """Plan for every tensor.

    Raises:
        MismatchError: the file does not fit the network.
    """
    plan, sources = _Plan(), named(found, network.model)
    missing: list[str] = []
    wrong: list[str] = []
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    for name, wanted in own.items():
        plain = plain_name(name)
        source = sources.get(plain)
        if reason := _why_drawn(plain, config):
            plan.random[name] = reason
        elif source is None:
            missing.append(name)
        else:
            plan.source[name] = source
            wrong.extend(_fit(plan, name, found[source], wanted))
    names = {file: ours for ours, file in sources.items()}
    unknown = []
    for file in found.keys() - set(plan.source.values()):
        if reason := _why_ignored(names.get(file, file), config):
            plan.ignored[file] = reason
        else:
            unknown.append(file)
    _refuse(config.origin, missing=missing, unknown=unknown, wrong=wrong)
    return plan


def _why_drawn(plain: str, config: Pi05Config) -> str | None:
    if ADAPTER in plain:
        return "new adapter"
    if config.init == "vision_language" and not plain.startswith(PALIGEMMA):
        return "init=vision_language initialises the action expert at random"
    if config.action_projection == "random" and plain in DRAWN_TOGETHER:
        return "action_projection=random"
    return None


def _why_ignored(name: str, config: Pi05Config) -> str | None:
    if name in UNUSED:
        return UNUSED[name]
    if any(part in name for part in COMPUTED):
        return "computed, not trained"
    if config.init == "vision_language" and not name.startswith(PALIGEMMA):
        return VISION_LANGUAGE
    if config.action_projection == "random" and name in DRAWN_TOGETHER:
        return "action_projection=random"
    return None


def _fit(plan: _Plan, name: str, found: Found, wanted: tuple[int, ...]) -> Iterable[str]:
    """Add to the plan how a tensor is made to fit; yields what is wrong with it, in words, if it cannot fit."""
    shape, plain = found.shape, plain_name(name)
    if found.dtype not in DTYPES:
        yield f"{name} is {found.dtype}, not one of {', '.join(DTYPES)}"
    elif shape == wanted:
        return
    elif fits(plain, shape, wanted):
        plan.resized[name] = in_words(plain, shape, wanted)
    elif plain == EMBEDDING and shape[1:] == wanted[1:] and shape[0] > wanted[0]:
        plan.resized[name] = f"first {wanted[0]} of {shape[0]} tokens; the others stand for images"
    else:
        yield f"{name} is {_size(shape)}, not {_size(wanted)}"


def _refuse(origin: str | None, *, missing: list[str], unknown: list[str], wrong: list[str]) -> None:
    counted = {"missing": missing, "that pi0.5 does not have": unknown, "that do not fit": wrong}
    parts = [f"{len(names)} {what} ({sorted(names)[0]})" for what, names in counted.items() if names]
    if parts:
        raise MismatchError(f"the weights of {origin} are not this network's: tensors {', '.join(parts)}.")


@torch.no_grad()
def _copy(network: nn.Module, weights: Weights, plan: _Plan, seed: int) -> None:
    own = network.state_dict()
    for name, source in plan.source.items():
        tensor, place = weights.read(source), own[name]
        place.copy_(_fitted(name, tensor, place, seed) if name in plan.resized else tensor)


def _fitted(name: str, tensor: Tensor, place: Tensor, seed: int) -> Tensor:
    plain = plain_name(name)
    if plain == EMBEDDING:
        return tensor[: len(place)]
    return resize(plain, tensor.float(), tuple(place.shape), generator(seed, name))


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"
