from dataclasses import replace
from pathlib import Path

import pytest

from hlm.cli.sources import LocalPolicy, open_policy
from hlm.core.errors import LostError
from hlm.policies.trained import load_policy

SHIPPED = Path(__file__).resolve().parents[2] / "policies" / "shipped" / "shelf_cup_transfer"


def test_only_the_wanted_policy_is_opened():
    wanted = LocalPolicy(checkpoint=SHIPPED, digest=load_policy(SHIPPED).spec.digest)
    with open_policy(wanted) as policy:
        assert policy.spec.digest == wanted.digest
    other = replace(wanted, digest="0" * 64)
    with (
        pytest.raises(
            LostError, match=f"has been replaced: its digest was 000000000000 and is now {wanted.digest[:12]}"
        ),
        open_policy(other),
    ):
        pass
