import dataclasses
import json

import pytest
from fake_rollouts import rollout as fake_rollout
from hypothesis import given
from hypothesis import strategies as st

from hlm.core.errors import CorruptError, InputError, MissingFileError
from hlm.evaluation.results import (
    FILE_NAME,
    EvalResult,
    PolicyIdentity,
    by_instruction,
    load_result,
    progress_of,
    wilson_interval,
)
from hlm.evaluation.subject import subject
from hlm.evaluation.terms import terms


def rollout(seed, stage, **changes):
    values = {"instruction": f"take {'red' if seed % 2 else 'blue'}", "duration_s": 0.1 * seed, "steps": seed}
    return fake_rollout(seed, stage, **values | changes)


def result(*rollouts):
    return EvalResult(task="shelf", policy="scripted", first_seed=rollouts[0].seed, rollouts=rollouts)


# Published values: Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I (method 3).
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_against_published_values(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilson_holds_the_rate_and_mirrors(proportion):
    successes, trials = proportion
    low, high = wilson_interval(successes, trials)
    assert 0.0 <= low <= successes / trials <= high <= 1.0
    assert wilson_interval(trials - successes, trials) == pytest.approx((1.0 - high, 1.0 - low))


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 3), (4, 3)])
def test_wilson_of_no_proportion(successes, trials):
    with pytest.raises(InputError, match="is not a proportion"):
        wilson_interval(successes, trials)


def test_figures():
    found = result(rollout(1, 3), rollout(2, 1, wrong_object=True), rollout(3, 0, fell=True), rollout(4, 3))
    assert found.success_rate == 0.5
    assert found.success_interval == wilson_interval(2, 4)
    assert found.progress == pytest.approx((3 + 1 + 0 + 3) / 12)
    assert found.wrong_object_rate == 0.25
    assert found.fall_rate == 0.25
    assert found.stage_rates == {"reach": 0.75, "grasp": 0.5, "place": 0.5}
    assert [item.stage_name for item in found.rollouts] == ["place", "reach", "", "place"]
    assert {name: len(group) for name, group in by_instruction(found.rollouts).items()} == {
        "take red": 2,
        "take blue": 2,
    }


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_json_round_trip(stages):
    found = result(*(rollout(seed, stage, video=f"{seed} ü.mp4") for seed, stage in enumerate(stages)))
    assert EvalResult.from_json(found.to_json()) == found


def test_json_holds_the_figures():
    found = result(rollout(1, 3), rollout(2, 1))
    values = json.loads(found.to_json())
    assert values["rollouts"] == 2
    assert values["success_rate"] == found.success_rate
    assert tuple(values["success_interval"]) == found.success_interval
    assert [entry["seed"] for entry in values["results"]] == [1, 2]


def test_load_result(tmp_path):
    with pytest.raises(MissingFileError, match=f"no {FILE_NAME}"):
        load_result(tmp_path)
    found = result(rollout(1, 3))
    (tmp_path / FILE_NAME).write_text(found.to_json())
    assert load_result(tmp_path) == found
    (tmp_path / FILE_NAME).write_text(found.to_json()[:40])
    with pytest.raises(CorruptError, match="not the result of an evaluation"):
        load_result(tmp_path)


@pytest.mark.parametrize(
    ("changes", "text"), [({"stage": 4}, "stage 4 of seed 1"), ({"progress": 1.5}, "progress 1.5 of seed 1")]
)
def test_rollout_out_of_range(changes, text):
    with pytest.raises(InputError, match=text):
        rollout(**{"seed": 1, "stage": 0} | changes)


def test_result_needs_rollouts_that_agree():
    with pytest.raises(InputError, match="needs at least one rollout"):
        EvalResult(task="shelf", policy="scripted", first_seed=0, rollouts=())
    other = dataclasses.replace(rollout(2, 1), stages=("walk",))
    with pytest.raises(InputError, match="do not name the same stages"):
        result(rollout(1, 3), other)


def test_results_of_the_versions_before_are_read():
    now = result(rollout(4, 3), rollout(5, 1))
    values = json.loads(now.to_json())
    for name in ("identity", "unseen", "partial", "planned", "stopped"):
        del values[name]
    values["schema"] = 2
    assert EvalResult.from_json(json.dumps(values)) == now
    values["schema"], values["source"] = 1, values.pop("policy")
    for entry in values["results"]:
        del entry["fault"]
    assert EvalResult.from_json(json.dumps(values)) == now


def test_results_of_a_newer_version_are_refused():
    values = json.loads(result(rollout(4, 3)).to_json()) | {"schema": 4}
    with pytest.raises(CorruptError, match="it has schema 4, this hlm reads up to 3"):
        EvalResult.from_json(json.dumps(values))


def test_a_partial_result_says_so_and_whose_it_is():
    found = dataclasses.replace(
        result(rollout(4, 3)),
        planned=3,
        unseen=False,
        stopped="Ctrl+C",
        identity=PolicyIdentity(policy_type="act", digest="ab12", trained_on=("a", "b"), horizon=50),
    )
    assert found.partial
    assert not result(rollout(4, 3)).partial
    values = json.loads(found.to_json())
    assert (values["partial"], values["planned"], values["unseen"]) == (True, 3, False)
    assert (values["identity"]["digest"], values["identity"]["trained_on"]) == ("ab12", ["a", "b"])
    assert EvalResult.from_json(found.to_json()) == found


@given(st.integers(1, 9).flatmap(lambda stages: st.tuples(st.integers(0, stages), st.just(stages))), st.booleans())
def test_progress_is_one_with_success_alone(reached, success):
    stage, stages = reached
    progress = progress_of(stage, stages, success=success)
    assert (progress == 1.0) == success
    assert progress >= 0.0
    if stage < stages and not success:
        assert progress == stage / stages


def test_faults_are_counted_and_kept():
    found = result(rollout(4, 3), rollout(5, 1, fault="camera 'head' stopped delivering images"))
    assert found.fault_rate == 0.5
    assert EvalResult.from_json(found.to_json()) == found


def test_another_tracker_is_told_and_the_usual_one_is_not():
    usual = result(rollout(0, 2))
    assert "tracker" not in usual.summary()
    learned = dataclasses.replace(usual, tracker="learned_legs")
    assert learned.summary()["tracker"] == "learned_legs"
    assert EvalResult.from_json(learned.to_json()) == learned
    assert EvalResult.from_json(usual.to_json()) == usual
    assert subject(learned)["tracker"] == "learned_legs"
    assert set(subject(learned)) <= set(terms(learned))
