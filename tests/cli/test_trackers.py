"""`--tracker`: which there are, and what is said when one cannot be had."""

import hashlib
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes_learned_tracker import write_network

from hlm.cli.eval_subject import packages
from hlm.cli.main import main
from hlm.cli.stations import StationConfig
from hlm.cli.trackers import (
    GUARDED,
    LEARNED_FILE,
    LEARNED_LEGS,
    TRACKERS,
    WHOLE_BODY,
    learned_file,
    must_be_tracker,
    must_have_tracker,
    tracker_maker,
    tracker_packages,
)
from hlm.control.learned_legs import policy_file
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.errors import MissingDependencyError, UnknownNameError
from hlm.datasets.reader import open_dataset
from hlm.evaluation.plan import PLAN_FILE, Plan, plan_bytes, read_plan
from hlm.evaluation.results import USUAL_TRACKER

WITH_THE_POLICY = (LEARNED_LEGS, GUARDED)
LINES = (
    ("eval", "--source", "scripted", "--rollouts", "1"),
    ("record", "--out", "demos.zarr"),
    ("deploy", "--source", "scripted"),
)


@pytest.fixture
def without_the_policy(monkeypatch):
    def missing(_):
        raise policy_file.PackageNotFoundError

    monkeypatch.setattr(policy_file, "distribution", missing)


def test_the_usual_one_is_the_first():
    assert USUAL_TRACKER == WHOLE_BODY == StationConfig(task="shelf_cup_transfer").tracker
    assert isinstance(tracker_maker(WHOLE_BODY)(), WholeBodyTracker)


def test_a_maker_can_be_sent_to_another_process():
    for name in TRACKERS:
        try:
            maker = tracker_maker(name)
        except MissingDependencyError as error:
            pytest.skip(str(error))
        assert pickle.loads(pickle.dumps(maker))().lag_s == pytest.approx(0.2)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_tracker_that_there_is_not_is_one_line(line, refused):
    assert "no tracker 'guard'. Known: guarded, learned:FILE.onnx, learned_legs, whole_body. Did you mean" in refused(
        *line, "--tracker", "guard"
    )


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_without_its_extra_the_mend_is_one_line(line, refused, without_the_policy):
    for name in WITH_THE_POLICY:
        text = refused(*line, "--tracker", name)
        assert text.endswith("pip install 'hlm[learned]' && pip install --no-deps holosoma-inference==0.1.3")


@pytest.mark.parametrize("name", WITH_THE_POLICY)
def test_without_the_runtime_it_is_said_what_to_install(name, monkeypatch, tmp_path):
    monkeypatch.setattr("hlm.control.learned_legs.policy_file.find_policy_file", lambda: tmp_path / "policy.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for need in (must_have_tracker, tracker_maker):
        with pytest.raises(
            MissingDependencyError, match=r"need onnxruntime: pip install 'hlm\[learned\]' && pip"
        ) as told:
            need(name)
        assert "\n" not in str(told.value)


def test_the_guarded_one_walks_by_model_and_the_one_with_learned_legs_does_not(monkeypatch, tmp_path):
    monkeypatch.setattr("hlm.control.learned_legs.policy_file.find_policy_file", lambda: tmp_path / "policy.onnx")
    monkeypatch.setattr("hlm.control.learned_legs.policy_file.open_network", lambda _: len)
    assert [tracker_maker(name)()._own.switch.model_walks for name in WITH_THE_POLICY] == [False, True]


def test_a_robot_that_tracks_itself_takes_none(refused):
    text = refused("deploy", "--robot", "sonic", "--source", "replay", "episode", "--tracker", LEARNED_LEGS)
    assert "--tracker does nothing with --robot sonic" in text


def test_a_station_refuses_what_there_is_not():
    with pytest.raises(UnknownNameError):
        StationConfig(task="shelf_cup_transfer", tracker="legs")


def test_a_plan_names_another_tracker_and_keeps_it(tmp_path):
    usual = Plan(task="shelf", policy="scripted", kind="scripted", first_seed=0, rollouts=1)
    assert b"tracker" not in plan_bytes(usual)
    for name in WITH_THE_POLICY:
        learned = replace(usual, tracker=name)
        (tmp_path / PLAN_FILE).write_bytes(plan_bytes(learned))
        assert read_plan(tmp_path) == learned
    (tmp_path / PLAN_FILE).write_bytes(plan_bytes(usual))
    assert read_plan(tmp_path) == usual


def test_the_packages_of_a_tracker_are_part_of_what_computes_a_rollout():
    assert tracker_packages(WHOLE_BODY) == ()
    for name in WITH_THE_POLICY:
        assert set(packages(name)) - set(packages(WHOLE_BODY)) == {"holosoma-inference", "onnxruntime"}


@pytest.fixture
def network(tmp_path):
    pytest.importorskip("onnx", reason="needs onnx, which is not part of hlm")
    pytest.importorskip("onnxruntime", reason="needs hlm[learned]")
    return write_network(tmp_path / "tracker.onnx")


def test_a_network_of_the_users_is_named_by_its_file():
    must_be_tracker(LEARNED_FILE)
    assert learned_file("learned:runs/a.onnx") == Path("runs/a.onnx")
    assert [learned_file(name) for name in (*TRACKERS, "learned:", "learned")] == [None] * 5
    with pytest.raises(UnknownNameError):
        must_be_tracker("learned:")


def test_a_network_of_the_users_can_be_sent_to_another_process(network):
    maker = tracker_maker(f"learned:{network}")
    assert pickle.loads(pickle.dumps(maker))().lag_s == pytest.approx(0.2)


def test_the_file_is_part_of_what_computes_a_rollout(network):
    found = packages(f"learned:{network}")
    assert set(found) - set(packages(WHOLE_BODY)) == {"onnxruntime", "tracker"}
    assert found["tracker"] == hashlib.sha256(network.read_bytes()).hexdigest()[:12]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_file_that_there_is_not_is_one_line(line, refused):
    pytest.importorskip("onnxruntime", reason="needs hlm[learned]")
    text = refused(*line, "--tracker", "learned:none.onnx")
    assert text.endswith("learned trackers need a network, and there is no file none.onnx.")


@pytest.mark.usefixtures("brief")
def test_an_episode_tells_its_tracker(folder):
    assert main(["record", "--out", "demos.zarr", "--cameras", "head", "--image-size", "16", "16"]) == 0
    (episode,) = open_dataset(folder / "demos.zarr").episodes
    assert episode.info.extra == {"tracker": WHOLE_BODY}
