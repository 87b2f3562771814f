"""Attributes say when they were changed by anyone but hlm."""

import json

import pytest
import zarr

from hlm.core.errors import CorruptError
from hlm.datasets.store.attributes import (
    ATTRIBUTES_CHECKSUM,
    check_attributes,
    group_attributes,
    names_in,
    sealed,
    steps_in,
    write_attributes,
)

ATTRIBUTES = {"instruction": "stell die Flasche ins Körbchen", "rate_hz": 30.0, "cameras": ["head"], "steps": 3}


def test_what_is_written_is_read_also_by_zarr(tmp_path):
    write_attributes(tmp_path, ATTRIBUTES)
    found = group_attributes(tmp_path)
    check_attributes(found, tmp_path)
    assert {name: found[name] for name in ATTRIBUTES} == ATTRIBUTES
    assert dict(zarr.open_group(tmp_path, mode="r").attrs) == found


def test_the_checksum_does_not_depend_on_order_or_sealing():
    mixed = dict(reversed(list(ATTRIBUTES.items())))
    assert sealed(mixed) == sealed(ATTRIBUTES) == sealed(sealed(ATTRIBUTES))
    assert sealed(json.loads(json.dumps(ATTRIBUTES))) == sealed(ATTRIBUTES)


@pytest.mark.parametrize("changes", [{"steps": 4}, {"added": 1}, {ATTRIBUTES_CHECKSUM: "00000000"}])
def test_a_change_is_found(tmp_path, changes):
    with pytest.raises(CorruptError, match="differ from their checksum: they were damaged, or edited outside hlm"):
        check_attributes(sealed(ATTRIBUTES) | changes, tmp_path)


@pytest.mark.parametrize("steps", [None, 0, True, "3", 2.0])
def test_a_number_of_steps_must_be_one(steps):
    with pytest.raises(CorruptError, match="'steps' should be at least 1"):
        steps_in({"steps": steps})


@pytest.mark.parametrize("names", [None, "head", ["Head"], ["../head"], [3]])
def test_names_must_be_able_to_name_arrays(names):
    with pytest.raises(CorruptError, match="'cameras' should be a list of names"):
        names_in({"cameras": names}, "cameras")
