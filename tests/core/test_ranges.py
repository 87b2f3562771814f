from types import SimpleNamespace

import pytest

from hlm.core.errors import InputError
from hlm.core.ranges import must_be_at_least


def test_the_lowest_value_and_none_pass():
    must_be_at_least(2, SimpleNamespace(steps=2, threads=None), "steps", "threads")


def test_a_lower_value_is_named():
    with pytest.raises(InputError, match=r"^threads must be at least 1, got 0\.$"):
        must_be_at_least(1, SimpleNamespace(steps=1, threads=0), "steps", "threads")
