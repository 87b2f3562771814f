"""Sizes of the network, as configurations of the Hugging Face models that LeRobot builds it from.

LeRobot has only the published sizes; the two smaller ones are for tests, benchmarks and dry runs on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from lerobot.policies.pi05.modeling_pi05 import GemmaConfig, get_gemma_config
from transformers.models.auto import CONFIG_MAPPING

from hlm.core.errors import InputError, MismatchError
from hlm.policies.pi05.config import Expert, Language

# Typed as the common base class, which lacks the arguments used here.
_CONFIGS: Any = CONFIG_MAPPING
PATCH_PX = 14
# A constant in LeRobot's joint forward pass.
HEADS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Vision:
    """SigLIP's size.

    Attributes:
        width: features of a patch.
        depth: layers.
        heads: attention heads.
        mlp: features inside a layer's feed-forward part.
    """

    width: int
    depth: int
    heads: int
    mlp: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """The network's size.

    Attributes:
        language: size of the language model.
        expert: size of the action expert.
        vision: size of the vision encoder.
        vocabulary_size: tokens that the language model knows.
        image_px: height and width of an image, px.
    """

    language: GemmaConfig
    expert: GemmaConfig
    vision: Vision
    vocabulary_size: int
    image_px: int


def _gemma(width: int, depth: int, mlp: int, head: int) -> GemmaConfig:
    return GemmaConfig(width=width, depth=depth, mlp_dim=mlp, num_heads=HEADS, num_kv_heads=1, head_dim=head)


_LANGUAGE = {"gemma_small": _gemma(512, 6, 2048, 64), "gemma_toy": _gemma(64, 2, 128, 16)}
_EXPERT = {"gemma_small": _gemma(256, 6, 1024, 64), "gemma_toy": _gemma(32, 2, 64, 16)}
_VISION = {
    "gemma_2b": Vision(width=1152, depth=27, heads=16, mlp=4304),
    "gemma_small": Vision(width=384, depth=6, heads=6, mlp=1536),
    "gemma_toy": Vision(width=32, depth=2, heads=2, mlp=64),
}
_VOCABULARY = {"gemma_2b": 257_152, "gemma_small": 32_000, "gemma_toy": 1024}


def size_of(language: str, expert: str, image_size: tuple[int, int]) -> Size:
    """The size of the named variants for images of (height, width), px.

    Raises:
        InputError: the variants do not fit each other, or the images are not squares of whole patches.
    """
    height, width = image_size
    if height != width or height % PATCH_PX or height < PATCH_PX:
        raise InputError(f"pi0.5 sees squares of {PATCH_PX} px patches, such as 224 x 224, not {height} x {width}.")
    models = _gemma_of(language), _gemma_of(expert, expert=True)
    if models[0].depth != models[1].depth or models[0].head_dim != models[1].head_dim:
        raise InputError(
            f"a {expert} action expert cannot read a {language} vision-language model: their layers differ. "
            "Choose gemma_2b with gemma_300m, or the same small size for both."
        )
    return Size(
        language=models[0],
        expert=models[1],
        vision=_VISION[language],
        vocabulary_size=_VOCABULARY[language],
        image_px=height,
    )


def variants_of(language_width: int, expert_width: int, source: str) -> tuple[Language, Expert]:
    """Names of the variants of a vision-language model and an action expert of these widths.

    Args:
        language_width: features of a token of the language model.
        expert_width: features of a token of the action expert.
        source: where the weights are from, for error messages.

    Raises:
        MismatchError: no variant has this width.
    """
    languages: dict[int, Language] = {_gemma_of(name).width: name for name in get_args(Language)}
    experts: dict[int, Expert] = {_gemma_of(name, expert=True).width: name for name in get_args(Expert)}
    for width, known in ((language_width, languages), (expert_width, experts)):
        if width not in known:
            widths = ", ".join(f"{name} {size}" for size, name in known.items())
            raise MismatchError(f"{source} has a model of width {width}; known are {widths}.")
    return languages[language_width], experts[expert_width]


def paligemma_config(size: Size) -> Any:
    """The vision-language model's configuration."""
    language, vision = size.language, size.vision
    text = _CONFIGS["gemma"](**_shape(language, size.vocabulary_size), use_adarms=False, adarms_cond_dim=None)
    siglip = _CONFIGS["siglip_vision_model"](
        hidden_size=vision.width,
        intermediate_size=vision.mlp,
        num_hidden_layers=vision.depth,
        num_attention_heads=vision.heads,
        image_size=size.image_px,
        patch_size=PATCH_PX,
        vision_use_head=False,
    )
    return _CONFIGS["paligemma"](
        text_config=text,
        vision_config=siglip,
        projection_dim=language.width,
        hidden_size=language.width,
        vocab_size=size.vocabulary_size,
        image_token_index=size.vocabulary_size,
    )


def expert_config(size: Size) -> Any:
    """The action expert's configuration; flow time modulates its norms."""
    shape = _shape(size.expert, size.vocabulary_size)
    return _CONFIGS["gemma"](**shape, use_adarms=True, adarms_cond_dim=size.expert.width)


def _gemma_of(name: str, *, expert: bool = False) -> GemmaConfig:
    return (_EXPERT if expert else _LANGUAGE).get(name) or get_gemma_config(name)


def _shape(gemma: GemmaConfig, vocabulary_size: int) -> dict[str, Any]:
    return {
        "hidden_size": gemma.width,
        "intermediate_size": gemma.mlp_dim,
        "num_hidden_layers": gemma.depth,
        "num_attention_heads": gemma.num_heads,
        "num_key_value_heads": gemma.num_kv_heads,
        "head_dim": gemma.head_dim,
        "vocab_size": vocabulary_size,
    }
