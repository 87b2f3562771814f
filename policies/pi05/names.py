"""The network's names of the tensors in files of pi0.5 and PaliGemma."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Self

from lerobot.policies.pi05.modeling_pi05 import PI05Policy

from hlm.policies.pi05.core import Core

PALIGEMMA = "model.paligemma_with_expert.paligemma."
EMBEDDING = f"{PALIGEMMA}model.language_model.embed_tokens.weight"
HEADS = (f"{PALIGEMMA}lm_head.weight", "model.paligemma_with_expert.gemma_expert.lm_head.weight")
# Hugging Face's names of the parts of PaliGemma, before and after transformers 4.52.
_HUGGING_FACE = {
    "language_model.model.": "model.language_model.",
    "language_model.lm_head.": "lm_head.",
    "vision_tower.": "model.vision_tower.",
    "multi_modal_projector.": "model.multi_modal_projector.",
    "model.": "model.",
    "lm_head.": "lm_head.",
}


class _Name(str):
    """A name in place of a tensor, for LeRobot's renaming."""

    __slots__ = ()

    def clone(self) -> Self:
        """Itself: LeRobot clones a tensor that it needs under two names."""
        return self


def named(found: Iterable[str], core: Core) -> dict[str, str]:
    """Name in the file of each tensor, by its name in the network.

    Args:
        found: names in the file.
        core: the network.
    """
    names = list(found)
    ours = any("paligemma_with_expert." in name for name in names)
    given = {name if ours else _of_hugging_face(name): _Name(name) for name in names}
    # Sorted, a separate word embedding comes after the language head, which LeRobot would use in its place.
    given = dict(sorted(given.items()))
    with _quiet():
        # The method only reads which norms its network has.
        policy = SimpleNamespace(model=core)
        fixed: Mapping[str, str] = PI05Policy._fix_pytorch_state_dict_keys(  # noqa: SLF001
            policy,
            given,
            core.config,
        )
    return {name if name.startswith("model.") else f"model.{name}": str(source) for name, source in fixed.items()}


def _of_hugging_face(name: str) -> str:
    for start, ours in _HUGGING_FACE.items():
        if name.startswith(start):
            return PALIGEMMA + ours + name.removeprefix(start)
    return name


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress LeRobot's warnings about single tensors; `hlm.policies.pi05.loading` accounts for every one."""
    root, silent = logging.getLogger(), logging.NullHandler()
    before = root.manager.disable
    root.addHandler(silent)  # Without a handler, a warning would configure logging for the whole process.
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
        root.removeHandler(silent)
