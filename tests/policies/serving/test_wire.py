import msgpack
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hlm.policies.serving import wire
from hlm.policies.serving.errors import WireError
from hlm.policies.serving.wire import pack, unpack

KINDS = ("?", "i1", "u1", "<i2", ">u4", "<i8", ">f2", "<f4", "<f8")
DTYPES = st.sampled_from([np.dtype(kind) for kind in KINDS])
ARRAYS = DTYPES.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
)
SCALARS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, ())).map(lambda array: array[()])
NUMBERS = st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats()
LEAVES = st.none() | NUMBERS | st.text(max_size=20) | st.binary(max_size=20)
VALUES = st.recursive(
    LEAVES | ARRAYS | SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def same(left, right):
    """Equal in type and value; NaN equals itself."""
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
    if isinstance(left, np.bool_ | np.integer | np.floating) and not isinstance(left, float):
        return left.dtype.newbyteorder("=") == right.dtype and np.array_equal(
            left, right, equal_nan=left.dtype.kind == "f"
        )
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right or (left != left and right != right)


def array_message(**changes):
    entries = {"__ndarray__": True, "data": bytes(12), "dtype": "<f4", "shape": [3]} | changes
    return msgpack.packb({key: value for key, value in entries.items() if value is not None})


@given(VALUES)
def test_round_trip(value):
    if "__ndarray__" not in repr(value) and "__npgeneric__" not in repr(value):
        assert same(value, unpack(pack(value)))


def test_number_of_entries_is_bounded_as_the_reader_says():
    words = [f"word{number}" for number in range(1000)]
    assert unpack(pack(words), max_entries=1000) == words
    with pytest.raises(WireError, match="is not valid msgpack"):
        unpack(pack(words), max_entries=999)
    with pytest.raises(WireError, match="is not valid msgpack"):
        unpack(pack(dict.fromkeys(words)), max_entries=999)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xc1")
@example(b"\x91" * 2000)
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\xc7\x0c\xff" + bytes(12))
@example(b"\xd6\xff\x00\x00\x00\x00")
def test_any_bytes_are_a_message_or_our_error(data):
    try:
        unpack(data)
    except WireError as error:
        assert str(error)
        assert "\n" not in str(error)


@given(
    st.dictionaries(
        st.sampled_from(["__ndarray__", "__npgeneric__", "data", "dtype", "shape"]), LEAVES | st.lists(LEAVES)
    )
)
def test_any_claim_to_be_an_array_is_one_or_our_error(claim):
    try:
        unpack(msgpack.packb(claim, use_bin_type=True))
    except WireError as error:
        assert str(error)


@given(array=ARRAYS, position=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_damaged_array_is_an_array_or_our_error(array, position, byte):
    data = bytearray(pack({"state": array}))
    data[position % len(data)] = byte
    try:
        unpack(bytes(data))
    except WireError as error:
        assert str(error)


@given(ARRAYS)
def test_packing_leaves_its_input_alone(array):
    before = array.copy()
    array.flags.writeable = False
    pack({"array": array})
    assert same(array, before)


def test_openpi_s_form_is_written_and_both_forms_are_read():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    raw = msgpack.unpackb(pack(array))
    assert raw == {b"__ndarray__": True, b"data": array.tobytes(), b"dtype": "<f4", b"shape": [2, 3]}
    as_text = {key.decode(): value for key, value in raw.items()}
    assert same(unpack(msgpack.packb(raw)), array)
    assert same(unpack(msgpack.packb(as_text)), array)
    assert same(unpack(msgpack.packb(as_text | {"dtype": b"<f4"})), array)
    assert not unpack(pack(array)).flags.writeable


def test_array_that_is_not_contiguous():
    array = np.arange(24).reshape(4, 6)[::2, ::-3]
    assert same(np.ascontiguousarray(array), unpack(pack(array)))


@pytest.mark.parametrize(
    "array", [np.array([object()]), np.zeros(2, "c8"), np.zeros(2, "V4"), np.array(["a"]), np.zeros(1, "M8[s]")]
)
def test_what_is_no_number_is_not_written(array):
    with pytest.raises(WireError, match="only booleans, integers and floats"):
        pack({"array": array})


@pytest.mark.parametrize("value", [object(), {1, 2}, 2**64, [2**70], {"a": {"b": print}}])
def test_other_types_are_not_written(value):
    with pytest.raises(WireError, match="cannot be sent"):
        pack(value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"dtype": "|O"}, "only booleans, integers and floats are read"),
        ({"dtype": "<c8"}, "only booleans, integers and floats are read"),
        ({"dtype": "|V4"}, "only booleans, integers and floats are read"),
        ({"dtype": "(1000000,1000000)f8"}, "only booleans, integers and floats are read"),
        ({"dtype": 4}, "only booleans, integers and floats are read"),
        ({"dtype": "<f1"}, "which NumPy does not know"),
        ({"shape": [4]}, "12 bytes, which does not match shape"),
        ({"shape": [-3]}, "sides must be 0 to"),
        ({"shape": [-1, -3]}, "sides must be 0 to"),
        ({"shape": [True, 3]}, "sides must be 0 to"),
        ({"shape": [3.0]}, "sides must be 0 to"),
        ({"shape": [2**62, 0], "data": b""}, "sides must be 0 to"),
        ({"shape": [2**24, 2**24, 2**24, 2**24]}, "does not match shape"),
        ({"shape": [1] * 9}, "not a list of up to 8 integers"),
        ({"shape": 3}, "not a list of up to 8 integers"),
        ({"data": "abc"}, "an array without bytes"),
        ({"data": None}, "entries are not __ndarray__"),
        ({"more": 1}, "entries are not __ndarray__"),
        ({"__ndarray__": 1}, "entries are not __ndarray__"),
        ({"dtype": "|b1", "data": b"\x00\x01\x02"}, "neither true nor false"),
    ],
)
def test_array_that_lies_is_refused(changes, text):
    with pytest.raises(WireError, match=text):
        unpack(array_message(**changes))


@pytest.mark.parametrize(
    ("dtype", "number", "text"),
    [
        ("|u1", 256, "does not fit uint8"),
        ("<i4", 1.5, "a float in place of"),
        ("<f4", "1", "a str in place of"),
        ("|b1", 1, "an? int in place of"),
    ],
)
def test_scalar_that_lies_is_refused(dtype, number, text):
    with pytest.raises(WireError, match=text):
        unpack(msgpack.packb({"__npgeneric__": True, "data": number, "dtype": dtype}))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (msgpack.packb({"a": 1}) + b"\x00", "is not valid msgpack"),
        (msgpack.packb({"a": b"12345"})[:-2], "is not valid msgpack"),
        (b"\x82\xa1a\x01\xc4\x01a\x02", "has the key 'a' twice"),
        (b"\x81\xc4\x01\xff\x01", "is not valid msgpack"),
        (b"\x81\x01\x02", "is not valid msgpack"),
        (msgpack.packb("x" * (wire.MAX_TEXT_BYTES + 1)), "is not valid msgpack"),
        (msgpack.packb([0] * (wire.REQUEST_ENTRIES + 1)), "is not valid msgpack"),
        (msgpack.packb([[]] * 200 + [[[]] * 56]), "has more than 256 maps and lists"),
        (msgpack.packb({"a": [[[[[[[[]]]]]]]]}), "has more than 8 levels"),
        (msgpack.packb(msgpack.ExtType(5, b"")), "an extension of msgpack, type 5"),
        (msgpack.packb(msgpack.Timestamp(1)), "is not valid msgpack"),
    ],
)
def test_strange_messages_are_refused(message, text):
    with pytest.raises(WireError, match=text):
        unpack(message)
