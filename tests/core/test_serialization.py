import math
import re

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hlm.core import serialization
from hlm.core.errors import CorruptError, MissingFileError
from hlm.core.serialization import json_bytes, read_json, read_yaml, yaml_bytes

DOCUMENT = {"text": "größer", "number": 0.25, "list": [1, None, True], "group": {"inner": "1e-3", "date": "2026-01-01"}}


@pytest.fixture
def write(tmp_path):
    path = tmp_path / "file"

    def write_text(text):
        path.write_text(text)
        return path

    return write_text


@pytest.mark.parametrize(("to_bytes", "read"), [(json_bytes, read_json), (yaml_bytes, read_yaml)])
def test_round_trip(tmp_path, to_bytes, read):
    path = tmp_path / "file"
    path.write_bytes(to_bytes(DOCUMENT))
    assert read(path) == DOCUMENT
    assert list(read(path)) == list(DOCUMENT)


@given(text=st.one_of(st.text(), st.from_regex(r"[-+]?\d*\.?\d*[eE][-+]?\d+", fullmatch=True)))
def test_texts_stay_texts(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    path.write_bytes(yaml_bytes({"text": text}))
    assert read_yaml(path) == {"text": text}


def test_numpy_scalars_are_numbers(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(json_bytes({"float": np.float32(0.5), "int": np.int64(3)}))
    assert read_json(path) == {"float": 0.5, "int": 3}
    with pytest.raises(TypeError, match="set does not fit into JSON"):
        json_bytes({"set": set()})


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "+1e-3", ".1e-2", "0.1e-2", "10e-4", "1.e-3", "0.001"])
def test_yaml_numbers(write, text):
    value = read_yaml(write(f"value: {text}"))["value"]
    assert isinstance(value, float)
    assert math.isclose(value, math.copysign(1e-3, value))


@pytest.mark.parametrize("text", ["e-3", "1e", "1e3m", "'1e-3'", "1:30", "1:30.5", "010", "1_000", "2026-11-29"])
def test_yaml_texts(write, text):
    assert read_yaml(write(f"value: {text}"))["value"] == text.strip("'")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' is given 2 times (line 3, column 1)"),
        ("group:\n  a: 1\n  a: 3\n", "'a' is given 2 times (line 3, column 3)"),
        ("a: [", "is not valid YAML: "),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
        ("\x00", "is not valid YAML: "),
        ("a: !!timestamp soon", "is not valid YAML: "),
        ("a: !!bool perhaps", "is not valid YAML: "),
        ("a: !!int ''", "is not valid YAML: "),
        ("[" * 5000, "is not valid YAML: "),
        ("- a\n", "must hold lines such as `name: value`"),
        ("", "must hold lines such as `name: value`"),
    ],
)
def test_unusable_yaml(write, text, complaint):
    with pytest.raises(CorruptError, match=re.escape(complaint)) as refusal:
        read_yaml(write(text))
    assert "\n" not in str(refusal.value)


def test_yaml_merge_keys_may_override(write):
    assert read_yaml(write("base: &base {a: 1}\nother:\n  <<: *base\n  a: 2\n"))["other"] == {"a": 2}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("{", "is not valid JSON"), ("[" * 100_000, "is not valid JSON"), ("[1]", "holds no JSON object")],
)
def test_unusable_json(write, text, complaint):
    with pytest.raises(CorruptError, match=complaint):
        read_json(write(text))


@pytest.mark.parametrize("read", [read_json, read_yaml])
def test_files_that_are_too_large(write, read, monkeypatch):
    monkeypatch.setattr(serialization, "LIMIT_BYTES", 2**20)
    with pytest.raises(CorruptError, match="is larger than 1 MiB; this is not the right file"):
        read(write(" " * (2**20 + 1)))


def test_missing_files(tmp_path):
    with pytest.raises(CorruptError, match="is missing"):
        read_json(tmp_path / "no")
    with pytest.raises(MissingFileError, match=r"no file .*: there is nothing"):
        read_yaml(tmp_path / "no")
    with pytest.raises(MissingFileError, match=r"no file .*: this is a folder"):
        read_yaml(tmp_path)


def test_yaml_written_by_the_library_itself_reads_the_same(write):
    assert read_yaml(write(yaml.safe_dump(DOCUMENT | {"group": None}))) == DOCUMENT | {"group": None}


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-7", -7), ("+12", 12), ("0x1f", 31), ("1.5", 1.5), ("-.5", -0.5), ("6.e2", 600.0), (".inf", math.inf)],
)
def test_yaml_numbers_of_all_forms(write, text, number):
    value = read_yaml(write(f"a: {text}"))["a"]
    assert value == number and type(value) is type(number)
    assert math.isnan(read_yaml(write("a: .nan"))["a"])
