"""Grippers in any unit become openings, or somebody is asked; a unit is never guessed."""

import json

import numpy as np
import pytest

from hlm.core.errors import InputError
from hlm.core.layout import GRIPPERS
from hlm.datasets.convert.convert import Request, convert
from hlm.datasets.convert.openhlm_grippers import OPENINGS, Hands, Scale, find_scales
from hlm.datasets.reader import open_dataset

RATE_HZ = 30.0
# Closed, open for 2 s, closed; the gripper needs a third of a second for each way.
COMMAND = np.repeat([0.0, 1.0, 0.0], (30, 60, 30))
OPENING = np.convolve(np.pad(COMMAND, (9, 0), "edge"), np.full(10, 0.1), "valid").round(6)


def hands(state=OPENING, action=COMMAND) -> Hands:
    return Hands(np.stack([state, state], axis=1), np.stack([action, action], axis=1))


@pytest.mark.parametrize("full", [0.085, 1.3, 85.0, 100.0, 255.0, 1000.0])
def test_what_reads_most_when_told_to_open_is_open(full):
    scales = find_scales([hands(OPENING * full)], RATE_HZ)
    assert (scales.state, scales.action) == (Scale(0.0, full), OPENINGS)
    (note,) = scales.notes
    assert note.startswith(f"the grippers' state is 0 to {full:.4g}, ")
    assert f"scaled by {1 / full:.6g} to openings" in note
    np.testing.assert_allclose(scales.state.opening(OPENING * full), OPENING, atol=1e-12)


@pytest.mark.parametrize("full", [1.0, 0.8, 1.03])
def test_openings_stay_what_they_are_to_the_bit(full):
    scales = find_scales([hands(OPENING * full)], RATE_HZ)
    assert scales.notes == ()
    assert scales.state.opening(OPENING) is OPENING


def test_percent_needs_no_command():
    scales = find_scales([hands(OPENING * 100, COMMAND * 100)], RATE_HZ)
    assert (scales.state, scales.action) == (Scale(0.0, 100.0), Scale(0.0, 100.0))
    assert len(scales.notes) == 2
    assert "percent: scaled by 0.01 to openings" in scales.notes[0]


AMBIGUOUS = {
    "never told to open, up to 83": hands(OPENING * 83, COMMAND * 0.0),
    "an angle that is 0 when open": hands((1.0 - OPENING) * 0.8),
    "an angle beyond 1 that is 0 when open": hands((1.0 - OPENING) * 1.6),
    "openings or metres": hands(OPENING * 0.085, COMMAND * 0.085),
    "opens to a third only": hands(OPENING * 0.33),
    "open is not the most": hands(np.where(COMMAND > 0, 40.0, 80.0)),
    "negative": hands(OPENING * 80 - 40),
    "commands in something": hands(OPENING, COMMAND * 83),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_is_ambiguous_is_asked_for_in_one_line(case):
    with pytest.raises(InputError, match=r"is ambiguous: it is .* to .*--gripper-range 0 85") as refusal:
        find_scales([AMBIGUOUS[case]], RATE_HZ)
    assert "\n" not in str(refusal.value)
    find_scales([AMBIGUOUS[case]], RATE_HZ, (0.0, 85.0))


def test_two_robots_with_other_grippers_are_not_mixed():
    with pytest.raises(InputError, match="ambiguous"):
        find_scales([hands(OPENING * 50), hands(OPENING * 85)], RATE_HZ)


@pytest.mark.parametrize(("many", "one"), [(100.0, 1.0), (85.0, 0.085), (1.0, 0.085), (1.3, 0.04)])
def test_an_episode_in_another_unit_is_not_scaled_as_the_others(many, one):
    recorded = [hands(OPENING * many), hands(OPENING * many), hands(OPENING * one)]
    with pytest.raises(InputError, match=rf"reads {one:g} in one episode and up to {many:g} in others: conv"):
        find_scales(recorded, RATE_HZ)
    find_scales(recorded, RATE_HZ, (0.0, many))
    broken = hands(OPENING * 0.0)
    assert find_scales([*recorded[:2], broken], RATE_HZ).state == find_scales(recorded[:2], RATE_HZ).state


@pytest.mark.parametrize(
    ("asked", "state", "action"),
    [
        ((0.0, 85.0), OPENING * 83, COMMAND),
        ((0.8, 0.0), (1.0 - OPENING) * 0.8, COMMAND),
        ((0.0, 0.085), OPENING * 0.085, COMMAND * 0.085),
        ((0.0, 100.0), OPENING * 100, COMMAND),
        ((-40.0, 40.0), OPENING * 80 - 40, COMMAND),
    ],
)
def test_what_a_person_says_counts_where_it_fits(asked, state, action):
    scales = find_scales([hands(state, action)], RATE_HZ, asked)
    np.testing.assert_allclose(scales.state.opening(state), OPENING * (83 / 85 if asked[1] == 85 else 1), atol=1e-9)
    np.testing.assert_allclose(scales.action.opening(action), COMMAND, atol=1e-9)
    assert len(scales.notes) == 1 + (action.max() < 1)


def test_a_range_without_extent_is_refused():
    for asked in ((1.0, 1.0), (0.0, float("nan"))):
        with pytest.raises(InputError, match="read different numbers"):
            find_scales([hands()], RATE_HZ, asked)


def test_a_glitch_is_no_unit():
    glitched = OPENING.copy()
    glitched[40:42] = 83.0
    assert find_scales([hands(glitched)], RATE_HZ).state == OPENINGS


def test_missing_values_say_nothing():
    holes = OPENING * 85
    holes[::7] = np.nan
    assert find_scales([hands(holes)], RATE_HZ).state == Scale(0.0, 85.0)
    nothing = np.full(30, np.nan)
    assert find_scales([hands(nothing, nothing)], RATE_HZ).state == OPENINGS
    assert find_scales([], RATE_HZ).notes == ()


def test_recordings_in_millimetres(openhlm, tmp_path):
    content = openhlm.steps(0, 120)
    for step, one in enumerate(content):
        for side in ("left", "right"):
            one[f"state_hand_{side}"], one[f"action_hand_{side}"] = 85 * OPENING[step], COMMAND[step]
    openhlm.episode(0, 120, content=content)
    report = convert(Request(path=openhlm.root, target=tmp_path / "out.zarr"))
    (episode,) = open_dataset(tmp_path / "out.zarr")
    np.testing.assert_allclose(episode.state[:, GRIPPERS], np.stack([OPENING, OPENING], axis=1), atol=1e-6)
    np.testing.assert_array_equal(episode.action[:, GRIPPERS[0]], np.float32(COMMAND))
    assert report.notes == ("the grippers' state is 0 to 85, which is open: scaled by 0.0117647 to openings",)
    attributes = json.loads((tmp_path / "out.zarr" / "zarr.json").read_text())["attributes"]
    assert attributes["conversion"]["notes"] == list(report.notes)


def test_humi_is_openings_by_construction(openhlm, tmp_path):
    content = openhlm.steps(0, 60, humi=True)
    for one in content:
        one["state_hand_left"] = one["state_hand_right"] = 0.05
        one["action_hand_left"] = one["action_hand_right"] = 1.0
    openhlm.episode(0, 60, humi=True, content=content)
    assert convert(Request(path=openhlm.root, target=tmp_path / "out.zarr")).notes == ()
