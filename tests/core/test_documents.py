import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from hlm.core.documents import from_document, to_document
from hlm.core.errors import InputError, UnknownNameError
from hlm.core.seeds import SeedRanges
from hlm.policies.act.config import ActConfig
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.compact.config import ArchitectureConfig, CompactConfig, ObjectiveConfig
from hlm.policies.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    datasets: tuple[Path, ...] = ()
    image_size: tuple[int, int] | None = None
    steps: int | None = None
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    compact: CompactConfig = field(default_factory=CompactConfig)


CONFIG = Run(
    datasets=(Path("a.zarr"), Path("b.zarr")),
    image_size=(96, 64),
    steps=7,
    augmentation=AugmentationConfig(shift=0.1),
    compact=CompactConfig(architecture=ArchitectureConfig(width=48)),
)


@pytest.mark.parametrize(
    "carry", [lambda document: json.loads(json.dumps(document)), lambda d: yaml.safe_load(yaml.safe_dump(d))]
)
def test_a_config_survives_a_document(carry):
    assert from_document(Run, carry(to_document(CONFIG))) == CONFIG


def test_missing_fields_take_their_defaults():
    assert from_document(ObjectiveConfig, {"state_noise": 0}) == ObjectiveConfig(state_noise=0.0)


@pytest.mark.parametrize("weights", [None, "imagenet"])
def test_a_choice_may_be_none(weights):
    assert from_document(ActConfig, {"weights": weights}) == ActConfig(weights=weights)


def test_an_unknown_field_names_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'state_noise'"):
        from_document(ObjectiveConfig, {"state_noize": 1.0}, "objective")


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"batch_size": "many"}, "training.batch_size must be an integer, got 'many'"),
        ({"batch_size": True}, "training.batch_size must be an integer, got True"),
        ({"image_size": [96]}, "training.image_size must have 2 entries, got 1"),
        ({"device": "abacus"}, "training.device must be 'auto' or 'cpu' or 'cuda', got 'abacus'"),
        ({"datasets": 3}, "training.datasets must be a list, got 3"),
        ({"datasets": [3]}, r"training.datasets\[0\] must be a path, got 3"),
        ({"datasets": ["a\0b"]}, r"training.datasets\[0\] must be a path, got 'a\\x00b'"),
        ({"wandb": 3}, "training.wandb must be a text, got 3"),
        ([], "training must be a mapping, got list"),
        ({"learning_rate": 10**400}, r"training.learning_rate must be a number, got 1000+\.\.\.0+\.$"),
    ],
)
def test_a_field_of_another_type_is_named(document, text):
    with pytest.raises(InputError, match=text):
        from_document(TrainConfig, document, "training")


def test_errors_are_short_even_of_what_aliases_multiply():
    nested = [1, 2]
    for _ in range(60):
        nested = [nested, nested]
    for value in (nested, "long" * 10**6):
        with pytest.raises(InputError, match=r"training\.seed must be an integer, got ") as raised:
            from_document(TrainConfig, {"seed": value}, "training")
        assert len(str(raised.value)) < 300


def test_a_field_without_default_must_be_there():
    from hlm.policies.compact.network_config import CompactNetworkConfig

    with pytest.raises(InputError, match="network lacks 'image_size'"):
        from_document(CompactNetworkConfig, {"views": 1}, "network")


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    ranges: Mapping[str, SeedRanges] | None = None


def test_what_a_mapping_holds_is_converted_and_checked():
    counted = Counted(ranges={"lift": ((0, 4), (7, 7))})
    assert from_document(Counted, json.loads(json.dumps(to_document(counted)))) == counted
    with pytest.raises(InputError, match=r"counted.ranges.lift\[1\]\[0\] must be an integer, got 'seven'"):
        from_document(Counted, {"ranges": {"lift": [[0, 4], ["seven", 7]]}}, "counted")


def test_a_single_text_stands_for_a_list_of_one():
    assert from_document(Run, {"datasets": "a.zarr"}).datasets == (Path("a.zarr"),)
    with pytest.raises(InputError, match="image_size must be a list, got 'big'"):
        from_document(Run, {"image_size": "big"})
