"""The policy types by name. Imports no torch: the command line lists their options, and networks load on demand."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from hlm.core.errors import UnknownNameError

if TYPE_CHECKING:
    from hlm.policies.policy_config import PolicyConfig
    from hlm.policies.policy_type import PolicyType


class Entry(NamedTuple):
    """Where a policy type is found.

    Attributes:
        config: `module:class` of its options, a `PolicyConfig`.
        policy_type: module that implements `PolicyType`; importing it may take seconds, or need an extra.
    """

    config: str
    policy_type: str


POLICY_TYPES = {
    "compact": Entry("hlm.policies.compact.config:CompactConfig", "hlm.policies.compact.policy_type"),
    "pi05": Entry("hlm.policies.pi05.config:Pi05Config", "hlm.policies.pi05.policy_type"),
    "smolvla": Entry("hlm.policies.smolvla.config:SmolVLAConfig", "hlm.policies.smolvla.policy_type"),
    "act": Entry("hlm.policies.act.config:ActConfig", "hlm.policies.act.policy_type"),
}
DEFAULT_POLICY_TYPE = "compact"


def find_policy_config(name: str) -> type[PolicyConfig]:
    """The class of a policy type's options.

    Raises:
        UnknownNameError: no such policy type.
    """
    module, _, attribute = _entry(name).config.partition(":")
    found: type[PolicyConfig] = getattr(import_module(module), attribute)
    return found


def find_policy_type(name: str) -> PolicyType:
    """The functions that build a policy type.

    Raises:
        UnknownNameError: no such policy type.
        MissingDependencyError: a package that it needs is not installed.
    """
    found: Any = import_module(_entry(name).policy_type)
    return found


def _entry(name: str) -> Entry:
    if name not in POLICY_TYPES:
        raise UnknownNameError("policy type", name, POLICY_TYPES)
    return POLICY_TYPES[name]
