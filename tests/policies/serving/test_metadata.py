import dataclasses

import pytest

from hlm.core.errors import MismatchError
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


def test_all_of_it_is_said(metadata):
    assert metadata.to_message().keys() == {field.name for field in dataclasses.fields(Metadata)}
