import dataclasses

import pytest

from hlm.core.errors import InputError, MismatchError
from hlm.policies.serving.errors import AnswerError
from hlm.policies.serving.metadata import Metadata, Needs, describe
from hlm.policies.serving.wire import pack, unpack


@pytest.fixture
def metadata(policy):
    return describe(policy)


def test_policy_is_described(metadata, make_policy):
    assert metadata == Metadata(
        policy="fake",
        checkpoint="runs/fake",
        embodiment="unitree_g1",
        rate_hz=30.0,
        cameras=("head", "right_wrist"),
        optional_cameras=("right_wrist",),
        image_size=(8, 12),
        horizon=6,
        execute=3,
    )
    assert describe(make_policy(continues_chunks=True)).continues_chunks


def test_round_trip(metadata):
    message = unpack(pack(metadata.to_message()))
    assert Metadata.from_message(message) == metadata
    assert Metadata.from_message(message | {"what_a_newer_server_says": 1}) == metadata


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({}, "metadata lacks 'policy'"),
        ([], "says nothing about its policy"),
        (None, "says nothing about its policy"),
        ({"horizon": "many"}, "metadata.horizon cannot be 'many'"),
        ({"cameras": [1]}, "metadata.cameras"),
        ({"rate_hz": 0.0}, "cannot make 0.0 actions per second"),
        ({"rate_hz": float("nan")}, "cannot make nan actions per second"),
        ({"rate_hz": float("inf")}, "cannot make inf actions per second"),
        ({"horizon": 0}, "a chunk has 1 to 4096 actions, not 0"),
        ({"horizon": 10**9}, "a chunk has 1 to 4096 actions, not 1000000000"),
        ({"execute": -3}, "-3 actions of a chunk of 6 cannot be played"),
        ({"execute": 7}, "7 actions of a chunk of 6 cannot be played"),
        ({"image_size": [-1, 12]}, r"sides of 1 to 8192 px, not \(-1, 12\)"),
        ({"image_size": [8, 10**9]}, r"sides of 1 to 8192 px, not \(8, 1000000000\)"),
        ({"optional_cameras": ["hed"]}, "no camera 'hed'. Known: head, right_wrist. Did you mean 'head'?"),
    ],
)
def test_other_servers_are_refused(metadata, message, text):
    full = metadata.to_message() | message if message else message
    with pytest.raises(AnswerError, match=text):
        Metadata.from_message(full)


@pytest.mark.parametrize(
    "needs",
    [
        Needs(),
        Needs(embodiment="unitree_g1", cameras=("head", "left_wrist", "right_wrist"), horizon=6),
        Needs(cameras=("head",)),
    ],
)
def test_policy_that_fits(metadata, needs):
    needs.check(metadata)


@pytest.mark.parametrize(
    ("needs", "text"),
    [
        (Needs(embodiment="walker"), "drives robot 'unitree_g1', and this one is 'walker'"),
        (Needs(cameras=("left_wrist",)), r"needs cameras head; there are left_wrist \(no head\)"),
        (Needs(cameras=()), "there are none"),
        (Needs(horizon=7), "chunks of 6 actions; 7 are needed"),
    ],
)
def test_policy_that_does_not_fit(metadata, needs, text):
    with pytest.raises(MismatchError, match=text):
        needs.check(metadata)


def test_policy_that_cannot_be_is_not_described(make_policy):
    with pytest.raises(InputError, match="a chunk has 1 to 4096 actions, not 0"):
        describe(make_policy(horizon=0))


def test_all_of_it_is_said(metadata):
    assert metadata.to_message().keys() == {field.name for field in dataclasses.fields(Metadata)}
