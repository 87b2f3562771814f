"""The DDS library inside Unitree's binding, which offers more topics than the binding does.

The binding holds Eclipse Cyclone DDS 0.10.2 and exports its C interface. A second DDS library beside it is no way:
readers of Cyclone DDS 11, the only one on the package index, crash each link of the binding on the network.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from importlib.metadata import PackageNotFoundError, files, version
from typing import Any

from hlm.core.errors import LostError, MissingDependencyError

_PACKAGE = "far-unitree-sdk"
# The layout of a topic's description belongs to the library's version, so no other is tried.
_VERSIONS = ("0.1.8",)
_ENTITY = c_int32


class SampleInfo(ctypes.Structure):
    """What the library says about a sample (`dds_sample_info_t`); stamps are those of the writer, ns since 1970."""

    _fields_ = (
        ("sample_state", c_int32),
        ("view_state", c_int32),
        ("instance_state", c_int32),
        ("valid_data", c_bool),
        ("source_timestamp", c_int64),
        ("instance_handle", c_uint64),
        ("publication_handle", c_uint64),
        ("disposed_generation_count", c_uint32),
        ("no_writers_generation_count", c_uint32),
        ("sample_rank", c_uint32),
        ("generation_rank", c_uint32),
        ("absolute_generation_rank", c_uint32),
    )


_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "dds_lookup_participant": (c_int32, c_uint32, POINTER(_ENTITY), c_size_t),
    "dds_find_topic": (_ENTITY, c_int32, _ENTITY, c_char_p, c_void_p, c_int64),
    "dds_get_qos": (c_int32, _ENTITY, c_void_p),
    "dds_create_topic": (_ENTITY, _ENTITY, c_void_p, c_char_p, c_void_p, c_void_p),
    "dds_create_reader": (_ENTITY, _ENTITY, _ENTITY, c_void_p, c_void_p),
    "dds_create_writer": (_ENTITY, _ENTITY, _ENTITY, c_void_p, c_void_p),
    "dds_create_qos": (c_void_p,),
    "dds_delete_qos": (None, c_void_p),
    "dds_qset_reliability": (None, c_void_p, c_int32, c_int64),
    "dds_qset_history": (None, c_void_p, c_int32, c_int32),
    "dds_take": (c_int32, _ENTITY, POINTER(c_void_p), POINTER(SampleInfo), c_size_t, c_uint32),
    "dds_write": (c_int32, _ENTITY, c_void_p),
    "dds_get_matched_publications": (c_int32, _ENTITY, c_void_p, c_size_t),
    "dds_get_matched_subscriptions": (c_int32, _ENTITY, c_void_p, c_size_t),
    "dds_sample_free": (None, c_void_p, c_void_p, c_int32),
    "dds_delete": (c_int32, _ENTITY),
    "dds_strretcode": (c_char_p, c_int32),
}
"""Functions of Cyclone DDS 0.10 (dds.h): what they return, and what they take."""


@cache
def library() -> Any:
    """The library, with the signatures of the functions that are used here.

    Raises:
        MissingDependencyError: the binding is missing, or has another version than those tried.
    """
    try:
        found = version(_PACKAGE)
        paths = [path for path in files(_PACKAGE) or () if path.parent.name.endswith(".libs")]
    except PackageNotFoundError as error:
        raise MissingDependencyError(f"this needs {_PACKAGE}: pip install 'hlm[unitree]'.") from error
    names = [path for path in paths if path.name.startswith("libddsc-")]
    if found not in _VERSIONS or len(names) != 1:
        raise MissingDependencyError(
            f"the DDS library within {_PACKAGE} {found} was not tried: pip install '{_PACKAGE}=={_VERSIONS[-1]}'."
        )
    loaded = ctypes.CDLL(str(names[0].locate()))
    for name, (returned, *taken) in _SIGNATURES.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = returned, taken
    return loaded


def checked(code: int, what: str) -> int:
    """A return code of the library, if it is none of an error.

    Args:
        code: negative for an error.
        what: what was asked for, in words.

    Raises:
        LostError: it is one; the text says which.
    """
    if code < 0:
        raise LostError(f"DDS cannot {what}: {library().dds_strretcode(-code).decode()}.")
    return code
