import dataclasses

import pytest

from hlm.core.errors import MismatchError
from hlm.core.policy import PolicySpec
from hlm.policies.serving.errors import AnswerError
from hlm.policies.serving.metadata import Needs, spec_message, spec_of
from hlm.policies.serving.wire import pack, unpack

FORMER = {"policy_type": "policy", "origin": "checkpoint", "execution_horizon": "execute", "vocabulary": "words"}


@pytest.fixture
def spec(policy):
    return policy.spec


def test_round_trip(spec):
    message = unpack(pack(spec_message(spec)))
    assert spec_of(message) == spec
    assert spec_of(message | {"what_a_newer_server_says": 1}) == spec


def test_a_server_of_the_version_before_is_understood(spec):
    message = spec_message(spec)
    for name in FORMER:
        del message[name]
    assert spec_of(message) == spec


def test_a_client_of_the_version_before_finds_its_entries(spec):
    message = spec_message(spec)
    assert all(message[former] == message[name] for name, former in FORMER.items())


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({}, "metadata lacks 'policy_type'"),
        ([], "sends no spec"),
        (None, "sends no spec"),
        ({"horizon": "many"}, "metadata.horizon must be an integer, got 'many'"),
        ({"cameras": [1]}, "metadata.cameras"),
        ({"rate_hz": 0.0}, "cannot make 0.0 actions per second"),
        ({"rate_hz": float("nan")}, "cannot make nan actions per second"),
        ({"rate_hz": float("inf")}, "cannot make inf actions per second"),
        ({"horizon": 0}, "a chunk has 1 to 4096 actions, not 0"),
        ({"horizon": 10**9}, "a chunk has 1 to 4096 actions, not 1000000000"),
        ({"execution_horizon": -3}, "-3 actions of a chunk of 6 cannot be executed"),
        ({"execution_horizon": 7}, "7 actions of a chunk of 6 cannot be executed"),
        ({"image_size": [-1, 12]}, r"sides of 1 to 8192 px, not \(-1, 12\)"),
        ({"image_size": [8, 10**9]}, r"sides of 1 to 8192 px, not \(8, 1000000000\)"),
        ({"optional_cameras": ["hed"]}, "no camera 'hed'. Known: head, right_wrist. Did you mean 'head'?"),
    ],
)
def test_other_servers_are_refused(spec, message, text):
    full = spec_message(spec) | message if message else message
    with pytest.raises(AnswerError, match=text):
        spec_of(full)


@pytest.mark.parametrize(
    "needs",
    [
        Needs(),
        Needs(embodiment="unitree_g1", cameras=("head", "left_wrist", "right_wrist"), horizon=6),
        Needs(cameras=("head",)),
    ],
)
def test_policy_that_fits(spec, needs):
    needs.check(spec)


@pytest.mark.parametrize(
    ("needs", "text"),
    [
        (Needs(embodiment="walker"), "drives robot 'unitree_g1', and this one is 'walker'"),
        (Needs(cameras=("left_wrist",)), r"needs cameras head; there are left_wrist \(no head\)"),
        (Needs(cameras=()), "there are none"),
        (Needs(horizon=7), "chunks of 6 actions; 7 are needed"),
    ],
)
def test_policy_that_does_not_fit(spec, needs, text):
    with pytest.raises(MismatchError, match=text):
        needs.check(spec)


def test_all_of_it_is_said(spec):
    assert spec_message(spec).keys() >= {field.name for field in dataclasses.fields(PolicySpec)}
