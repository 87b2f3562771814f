from dataclasses import replace
from pathlib import Path

import pytest

from hlm.cli.policy_specs import policy_spec
from hlm.cli.sources import LocalPolicy, open_policy
from hlm.core.errors import LostError
from hlm.policies.trained import load_policy

SHIPPED = Path(__file__).resolve().parents[2] / "policies" / "shipped" / "shelf_cup_transfer"


@pytest.mark.parametrize("euler_steps", [None, 3])
def test_spec_of_a_checkpoint_is_that_of_the_loaded_policy(euler_steps):
    """But for what only a network knows."""
    loaded = load_policy(SHIPPED, euler_steps=euler_steps).spec
    spec = policy_spec(LocalPolicy(checkpoint=SHIPPED, euler_steps=euler_steps))
    assert spec.digest
    assert replace(spec, continues_chunks=loaded.continues_chunks) == loaded


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
