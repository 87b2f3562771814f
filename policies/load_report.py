"""What became of each tensor of a network that starts from pretrained weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """An account of every tensor of the network and of the file.

    Attributes:
        origin: where the weights are from, for people.
        loaded: names of tensors that were copied unchanged.
        resized: names of tensors that were resized, and how, in words.
        random: names of tensors that were initialised at random, and why, in words.
        ignored: names in the file that the network does not use, and why, in words.
    """

    origin: str
    loaded: tuple[str, ...] = ()
    resized: Mapping[str, str] = field(default_factory=dict)
    random: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)
