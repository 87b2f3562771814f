"""OpenHLM's recordings: every number in its place, every fault named, nothing glued."""

import json
import re
from datetime import datetime

import numpy as np
import pytest

from hlm.core.errors import HlmError
from hlm.core.layout import NAMES, ROOT_YAW_RATE
from hlm.core.yaw_rate import filter_yaw_rate
from hlm.datasets.convert.convert import OPENHLM, Request, convert, detect
from hlm.datasets.convert.openhlm_steps import undo_turns
from hlm.datasets.reader import open_dataset
from hlm.datasets.verify import verify

from .conftest import SIZES, START_MS, brightness, number


@pytest.fixture
def converted(openhlm, tmp_path):
    """Converts the recordings; returns the report and the dataset."""

    def run(**changes):
        target = tmp_path / "out.zarr"
        report = convert(Request(path=openhlm.root, target=target, **changes))
        return report, open_dataset(target)

    return run


def test_teleoperation_number_by_number(openhlm, converted):
    openhlm.episode(3, 40)
    assert detect(openhlm.root) == OPENHLM
    report, dataset = converted()
    (episode,) = dataset
    for step in range(40):
        for array, sign in ((episode.state, 1.0), (episode.action, -1.0)):
            wanted = number(3, step, sign)
            same = np.arange(len(NAMES)) != ROOT_YAW_RATE
            np.testing.assert_array_equal(array[step, same], np.float32([wanted[name] for name in NAMES])[same])
            assert array[step, ROOT_YAW_RATE] == pytest.approx(wanted["root_yaw_rate"], abs=1e-5)  # refiltered
    assert report.imperfect == ()
    assert (dataset.spec.embodiment, dataset.spec.rate_hz) == ("unitree_g1", 30.0)
    assert dataset.spec.cameras == {"head": (40, 48), "left_wrist": (48, 64), "right_wrist": (48, 64)}
    assert (episode.info.instruction, episode.info.source, episode.info.operator) == ("pour 3", "teleop", "somebody")
    assert episode.info.extra == {
        "openhlm": {"episode": "pour/episode_0003", "date": "2026-07-01", "yaw_rate_time_constant_s": 0.19}
    }
    assert episode.attributes["software"] == "OpenHLM 1.0.0"
    assert verify(dataset.path) == []


def test_times_are_those_of_the_recorder(openhlm, converted):
    openhlm.episode(0, 40)
    (episode,) = converted()[1]
    due_ms = np.arange(40) * 100 // 3
    np.testing.assert_array_equal(episode.stamp_ns, (due_ms - due_ms[0]) * 1_000_000)
    # Everything of a step had been read when its action was.
    ages_ms = {"action": 0, "state": 1, "image_left_wrist": 2, "image_right_wrist": 2, "image_head": 3}
    assert set(episode.inputs) == set(ages_ms)
    for name, age_ms in ages_ms.items():
        np.testing.assert_allclose(episode.age_s(name), age_ms * 1e-3, atol=1e-9)
    assert episode.attributes["start_utc"] == "2025-10-09T08:53:20.003+00:00"
    assert START_MS == 1_760_000_000_000


def test_images_belong_to_their_steps(openhlm, converted):
    openhlm.episode(1, 40)
    (episode,) = converted()[1]
    for camera in episode.cameras:
        red, green, blue = np.moveaxis(episode.images(camera).astype(float).mean(axis=(1, 2)), -1, 0)
        assert np.abs(red - [brightness(step) for step in range(40)]).max() < 6
        assert np.abs(green - 100).max() < 6
        assert np.abs(blue - 10).max() < 8


def test_humi_has_no_head_and_no_clock(openhlm, converted):
    openhlm.episode(0, 40, humi=True)
    (episode,) = converted()[1]
    assert (episode.info.source, episode.cameras, episode.inputs) == ("humi", ("left_wrist", "right_wrist"), ())
    np.testing.assert_allclose(episode.stamp_ns, np.arange(40) * 1001 / 30_000 * 1e9, atol=1)
    assert episode.attributes["start_utc"] == ""


def test_turns_in_the_yaw_rate_of_humi_are_undone(openhlm, converted):
    rate_hz = 30_000 / 1001
    yaw_rad = np.pi - 0.5 + 0.7 * np.arange(60) / rate_hz
    wrapped = (yaw_rad + np.pi) % (2 * np.pi) - np.pi
    steps = openhlm.steps(0, 60, humi=True)
    raw = np.gradient(wrapped, 1 / rate_hz)
    assert np.abs(raw).max() > 90
    for step, content in enumerate(steps):
        content["state_body"][2] = content["action_body"][2] = raw[step]
    openhlm.episode(0, 60, humi=True, content=steps)
    (episode,) = converted()[1]
    np.testing.assert_allclose(episode.state[:, ROOT_YAW_RATE], 0.7, atol=1e-4)
    assert episode.info.extra["openhlm"]["yaw_rate_turns_undone"] == 4
    calm = np.random.default_rng(0).uniform(-40, 40, (50, 34))
    changed, turned = undo_turns(calm, rate_hz)
    assert turned == 0
    np.testing.assert_array_equal(changed, calm)


@pytest.mark.parametrize(("humi", "weight"), [(False, 0.1), (True, 1.0)])
def test_yaw_rates_are_those_that_a_robot_measures_when_a_policy_drives_it(openhlm, converted, humi, weight):
    """Whatever smoothed them: the recorder's weight of 0.1 at each step, or nothing at all in HuMI's exporter."""
    steps = openhlm.steps(0, 90, humi=humi)
    stamp_ns = np.round(np.arange(90) * 1001 / 30000 * 1e9).astype(np.int64)
    if not humi:
        stamp_ns = np.array([1_000_000 * (step["t_action"] - steps[0]["t_action"]) for step in steps])
    yaw_rad = 0.5 * np.sin(np.pi * stamp_ns * 1e-9)
    rate_rad_s, measured, wanted = 0.0, None, []
    for step, content in enumerate(steps):
        if step:
            raw = (yaw_rad[step] - yaw_rad[step - 1]) / (stamp_ns[step] - stamp_ns[step - 1]) * 1e9
            rate_rad_s += weight * (raw - rate_rad_s)
        content["state_body"][2], content["action_body"][2] = rate_rad_s, 0.5 * rate_rad_s
        measured = filter_yaw_rate(measured, int(stamp_ns[step]), float(yaw_rad[step]))
        wanted.append(measured.rate_rad_s)
    openhlm.episode(0, 90, humi=humi, content=steps)
    (episode,) = converted()[1]
    np.testing.assert_allclose(episode.state[:, ROOT_YAW_RATE], wanted, atol=1e-5)
    np.testing.assert_allclose(episode.action[:, ROOT_YAW_RATE], 0.5 * np.array(wanted), atol=1e-5)


def break_step(openhlm, change, at=12, steps=80):
    content = openhlm.steps(0, steps)
    change(content[at])
    openhlm.episode(0, steps, content=content)


STEP_FAULTS = {
    "state_body is null (step 12)": lambda step: step.update(state_body=None),
    "no action_body (step 12)": lambda step: step.pop("action_body"),
    "action_hand_left is null (step 12)": lambda step: step.update(action_hand_left=None),
    "state_hand_right is not an opening from 0 to 1 (step 12)": lambda step: step.update(state_hand_right=83.0),
    "state_body is not 32 numbers (step 12)": lambda step: step.update(state_body=step["state_body"][:31]),
    "action_body is not finite (step 12)": lambda step: step["action_body"].__setitem__(4, float("nan")),
    "action_body is not 32 numbers (step 12)": lambda step: step["action_body"].__setitem__(4, "fast"),
    "no image of rgb_left (step 12)": lambda step: step.update(rgb_left=None),
    "frame_index of wrist_rgb_right runs backwards (step 12)": lambda step: step["wrist_rgb_right"].update(
        frame_index=3
    ),
    "no t_wrist (step 12)": lambda step: step.update(t_wrist=None),
    "t_img is more than 0.1 s old (step 12)": lambda step: step.update(t_img=step["t_img"] - 200),
}


def states(numbers):
    return np.float32([number(0, step)[NAMES[0]] for step in numbers])


@pytest.mark.parametrize("reason", STEP_FAULTS)
def test_a_broken_step_costs_itself_and_is_named(openhlm, converted, reason):
    break_step(openhlm, STEP_FAULTS[reason])
    report, dataset = converted()
    assert [(one.episodes, one.steps, one.found, one.reason) for one in report.episodes] == [((0, 1), 79, 80, reason)]
    for episode, (start, stop) in zip(dataset, ((0, 12), (13, 80)), strict=True):
        assert episode.info.extra["conversion"] == {"steps": [start, stop], "of": 80, "reason": reason}
        assert episode.info.extra["recording"] == "openhlm_demonstration/pour/episode_0000"
        np.testing.assert_array_equal(episode.state[:, 0], states(range(start, stop)))
        red = episode.images("head")[..., 0].astype(float).mean(axis=(1, 2))
        assert np.abs(red - [brightness(step) for step in range(start, stop)]).max() < 6
        assert episode.stamp_ns[0] == 0
    attributes = json.loads((dataset.path / "zarr.json").read_text())["attributes"]
    assert [one["reason"] for one in attributes["conversion"]["cut_or_rejected"]] == [reason]
    assert verify(dataset.path) == []


NO_NUMBERS = {
    "action_body is not finite (step 12)": lambda step: step["action_body"].__setitem__(4, 10**400),
    "state_hand_left is not finite (step 12)": lambda step: step.update(state_hand_left=-(10**400)),
    "state_body is not 32 numbers (step 12)": lambda step: step["state_body"].__setitem__(4, True),
    "no image of rgb_left (step 12)": lambda step: step["rgb_left"].update(frame_index=2**70),
}


@pytest.mark.parametrize("reason", NO_NUMBERS)
def test_numbers_that_no_robot_has_are_broken_steps(openhlm, converted, reason):
    break_step(openhlm, NO_NUMBERS[reason])
    report, _ = converted()
    assert [(one.episodes, one.steps, one.reason) for one in report.episodes] == [((0, 1), 79, reason)]


def test_a_rate_that_is_no_number_rejects_its_episode(openhlm, converted):
    openhlm.episode(0)
    for place, rate in enumerate((10**400, True, float("nan")), 1):
        groups = {group: {"fps": rate} for group in ("image", "video", "wrist_image")}
        openhlm.episode(place, info=groups)
    report, _ = converted()
    assert [one.episodes for one in report.episodes] == [(0,), (), (), ()]
    assert {one.reason for one in report.episodes[1:]} == {
        "data.json does not say at how many steps per second it was recorded"
    }


def test_a_video_of_depths_rejects_its_episode(openhlm, converted):
    import av

    openhlm.episode(0)
    path = openhlm.episode(1) / "videos" / "rgb_left.mp4"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=30)
        (stream.height, stream.width), stream.pix_fmt = SIZES["rgb_left"], "gray16le"
        for place in range(40):
            frame = av.VideoFrame.from_ndarray(np.full(SIZES["rgb_left"], 900, np.uint16), format="gray16le")
            frame.pts = place
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    openhlm.episode(2)
    report, dataset = converted()
    assert [one.episodes for one in report.episodes] == [(0,), (), (1,)]
    assert report.episodes[1].reason.startswith("rgb_left.mp4: not colour images but one channel of 16 bits")
    assert len(dataset) == 2


def test_humi_is_split_where_its_images_skip_time(openhlm, converted):
    steps = openhlm.steps(0, 40, humi=True)
    for step in steps[20:]:
        for camera in ("wrist_rgb_left", "wrist_rgb_right"):
            step[camera]["frame_index"] += 10
    openhlm.episode(0, 40, humi=True, content=steps, images=50)
    report, dataset = converted()
    assert [(one.episodes, one.reason) for one in report.episodes] == [((0, 1), "images are skipped (before step 20)")]
    assert [len(episode) for episode in dataset] == [20, 20]


def later(steps, key_change):
    for step in steps:
        for key in ("t_img", "t_wrist", "t_state", "t_action"):
            step[key] += key_change


BREAKS = {
    "gaps in time of more than 83 ms (before step 20)": lambda steps: later(steps[20:], 150),
    "the clock does not advance (before step 20)": lambda steps: later(steps[20:], -500),
    "steps were lost in recording (before step 20)": lambda steps: [
        step.update(idx=step["idx"] + 2) for step in steps[20:]
    ],
}


@pytest.mark.parametrize("reason", BREAKS)
def test_steps_that_do_not_follow_each_other_are_never_glued(openhlm, converted, reason):
    content = openhlm.steps(0, 80)
    BREAKS[reason](content)
    openhlm.episode(0, 80, content=content)
    report, dataset = converted()
    assert [(one.steps, one.reason) for one in report.episodes] == [(80, reason)]
    assert [episode.info.extra["conversion"]["steps"] for episode in dataset] == [[0, 20], [20, 80]]


def test_stalls_cost_the_rows_in_them_and_nothing_else(openhlm, converted):
    content = openhlm.steps(0, 72)
    # The recorder stands still for 150 ms twice; the second time the camera then gives an old image for two steps.
    later(content[24:], 150)
    later(content[45:], 150)
    for step in content[45:47]:
        step["t_img"] -= 180
    openhlm.episode(0, 72, content=content)
    report, dataset = converted()
    assert [episode.info.extra["conversion"]["steps"] for episode in dataset] == [[0, 24], [24, 45], [47, 72]]
    assert [(one.steps, one.found) for one in report.episodes] == [(70, 72)]
    assert verify(dataset.path) == []


def test_a_tick_that_is_late_or_lost_splits_nothing(openhlm, converted):
    content = openhlm.steps(0, 40)
    later(content[10:11], 20)
    later(content[20:], 33)
    openhlm.episode(0, content=content)
    report, dataset = converted()
    assert [(one.episodes, one.reason) for one in report.episodes] == [((0,), "")]
    assert "recording" not in dataset.episodes[0].info.extra


def test_pieces_that_are_too_short_are_left_out(openhlm, converted):
    content = openhlm.steps(0, 40)
    for step in (5, 12):
        content[step]["state_body"] = None
    openhlm.episode(0, content=content)
    report, dataset = converted()
    assert [episode.info.extra["conversion"]["steps"] for episode in dataset] == [[6, 12], [13, 40]]
    assert [(one.steps, one.found) for one in report.episodes] == [(33, 40)]


def test_times_of_a_piece_are_its_own(openhlm, converted):
    content = openhlm.steps(0, 60)
    later(content[30:], 1000)
    openhlm.episode(0, 60, content=content)
    first, second = converted()[1]
    starts = [datetime.fromisoformat(one.attributes["start_utc"]) for one in (first, second)]
    assert (starts[1] - starts[0]).total_seconds() == pytest.approx(2.0)
    assert second.stamp_ns[0] == 0
    assert np.diff(second.stamp_ns).max() < 40e6


def test_a_video_that_ends_early(openhlm, converted):
    openhlm.episode(0, 60, images=45)
    report, (episode,) = converted()
    assert len(episode) == 45
    assert "wrist_rgb_left.mp4 ends after 45 images (steps 45-59)" in report.episodes[0].reason
    assert episode.info.extra["openhlm"]["rgb_left_images"] == "45, should be 60"


def test_a_video_with_more_images_than_it_says_is_kept_and_noted(openhlm, converted):
    openhlm.episode(0, 40, images=50)
    report, (episode,) = converted()
    assert report.imperfect == ()
    assert episode.info.extra["openhlm"]["rgb_left_images"] == "50, should be 40"


def test_a_image_that_cannot_be_decoded_ends_the_episode(openhlm, converted):
    video = openhlm.episode(0, 80) / "videos" / "rgb_left.mp4"
    data = bytearray(video.read_bytes())
    place = len(data) * 6 // 10
    data[place : place + 40] = b"\xff" * 40
    video.write_bytes(data)
    report, (episode,) = converted()
    assert 30 <= len(episode) < 80
    assert re.search(r"^rgb_left.mp4: no image after \d+ can be decoded", report.episodes[0].reason)
    np.testing.assert_array_equal(
        episode.state[:, 0], np.float32([number(0, step)[NAMES[0]] for step in range(len(episode))])
    )


def spoil_json(folder, text):
    (folder / "data.json").write_text(text)


REJECTIONS = {
    r"rgb_left\.mp4 cannot be read as a video": lambda folder: (folder / "videos/rgb_left.mp4").write_bytes(b"x" * 99),
    r"wrist_rgb_left\.mp4 is missing": lambda folder: (folder / "videos/wrist_rgb_left.mp4").unlink(),
    r"^data\.json is not valid JSON": lambda folder: spoil_json(folder, '{"data": ['),
    r"data\.json has no steps": lambda folder: spoil_json(folder, '{"info": {}, "text": {}, "data": []}'),
    r"^data\.json holds no JSON object": lambda folder: spoil_json(folder, "[1]"),
    r"there is no data\.json: its recorder ended": lambda folder: (folder / "data.json").unlink(),
}


@pytest.mark.parametrize("reason", REJECTIONS)
def test_an_episode_that_cannot_be_read_is_rejected_and_the_others_are_not(openhlm, converted, reason):
    REJECTIONS[reason](openhlm.episode(0))
    openhlm.episode(1)
    report, dataset = converted()
    first, second = report.episodes
    assert first.episodes == ()
    assert re.search(reason, first.reason)
    assert (second.episodes, second.reason) == ((0,), "")
    np.testing.assert_array_equal(dataset.episodes[0].state[:, 7], np.float32([(step % 5) / 5 for step in range(40)]))


def test_other_rates_sizes_and_speeds_are_rejected(openhlm, converted):
    for sound in range(2):
        openhlm.episode(sound)
    openhlm.episode(2, info={"video": {"fps": 15}, "image": {}, "wrist_image": {}})
    openhlm.episode(3, sizes={"rgb_left": (48, 64)})
    slow = openhlm.steps(4, 40)
    for step, content in enumerate(slow):
        later([content], step * 20)
    openhlm.episode(4, content=slow)
    openhlm.episode(5, info={"video": {}, "image": {}, "wrist_image": {}})
    report, dataset = converted()
    assert [episode.reason for episode in report.episodes] == [
        "",
        "",
        "has 15 steps per second, asked for 30",
        "rgb_left.mp4 is 48x64, most are 40x48; convert it into another dataset",
        "says 30 Hz, but its steps are 53.0 ms apart",
        "data.json does not say at how many steps per second it was recorded",
    ]
    assert len(dataset) == 2


def test_too_little_left(openhlm, converted):
    content = openhlm.steps(0, 50)
    for step in content[5::6]:
        step["state_body"] = None
    openhlm.episode(0, 50, content=content)
    openhlm.episode(1)
    report, _ = converted()
    assert re.fullmatch(r"state_body is null \(.*\); no 0.2 s of whole steps are left", report.episodes[0].reason)


@pytest.mark.parametrize("path", ["../../secret.mp4", "/etc/hostname"])
def test_videos_outside_the_episode_are_not_opened(openhlm, converted, path):
    content = openhlm.steps(0, 40)
    for step in content:
        step["rgb_left"]["video_path"] = path
    openhlm.episode(0, content=content)
    openhlm.episode(1)
    assert "lies outside the episode" in converted()[0].episodes[0].reason


def test_when_nothing_can_be_converted_nothing_is_made(openhlm, tmp_path):
    for episode in range(2):
        spoil_json(openhlm.episode(episode), "no")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(
        HlmError, match=r"none of the 2 episodes of .* The first, pour/episode_0000: .*data.json is not valid JSON"
    ):
        convert(Request(path=openhlm.root, target=tmp_path / "new" / "out.zarr"))
    assert sorted(tmp_path.rglob("*")) == before


def test_cameras_by_choice(openhlm, converted):
    openhlm.episode(0)
    _, dataset = converted(cameras=("rgb_right=head", "wrist_rgb_left"))
    assert dataset.spec.cameras == {"head": (40, 48), "wrist_rgb_left": (48, 64)}


def test_tasks_episodes_and_source_by_choice(openhlm, converted):
    for episode, task in ((0, "pour"), (1, "pour"), (0, "wipe")):
        openhlm.episode(episode, task=task)
    report, dataset = converted(episodes=("1-",), source="stationary")
    assert [one.name for one in report.episodes] == ["pour/episode_0001", "wipe/episode_0000"]
    assert {episode.info.source for episode in dataset} == {"stationary"}


def test_episodes_count_in_the_order_of_their_numbers(openhlm, converted, tmp_path):
    for episode in (0, 1, 2, 10):
        folder = openhlm.episode(episode)
        folder.rename(folder.with_name(f"episode_{episode}"))
    report, dataset = converted(episodes=("2-",))
    assert [one.name for one in report.episodes] == ["pour/episode_2", "pour/episode_10"]
    assert [episode.info.instruction for episode in dataset] == ["pour 2", "pour 10"]


def test_links_lead_anywhere(openhlm, converted, tmp_path):
    folders = [openhlm.episode(episode) for episode in range(3)]
    bulk = tmp_path / "bulk"
    bulk.mkdir()
    (folders[0] / "videos").rename(bulk / "videos")
    (folders[0] / "videos").symlink_to(bulk / "videos")
    (folders[1] / "videos" / "rgb_left.mp4").rename(bulk / "rgb_left.mp4")
    (folders[1] / "videos" / "rgb_left.mp4").symlink_to(bulk / "rgb_left.mp4")
    folders[2].rename(bulk / "episode")
    folders[2].symlink_to(bulk / "episode")
    report, _ = converted()
    assert [(one.name, one.steps, one.reason) for one in report.episodes] == [
        (f"pour/episode_{episode:04d}", 40, "") for episode in range(3)
    ]


def test_an_episode_that_was_never_finished_is_listed_even_if_it_is_empty(openhlm, converted):
    openhlm.episode(0)
    (openhlm.root / "pour" / "episode_0001").mkdir()
    (openhlm.root / "pour" / "notes").mkdir()
    report, _ = converted()
    assert [one.name for one in report.episodes] == ["pour/episode_0000", "pour/episode_0001"]
    assert "no data.json" in report.episodes[1].reason


def test_the_source_may_be_a_task_or_an_episode(openhlm, tmp_path):
    folder = openhlm.episode(0)
    for number_, source in enumerate((folder, folder.parent)):
        convert(Request(path=source, target=tmp_path / f"{number_}.zarr"))
        assert len(open_dataset(tmp_path / f"{number_}.zarr")) == 1


def test_the_source_stays_as_it_was(openhlm, converted):
    openhlm.episode(0)
    before = {path: path.read_bytes() for path in openhlm.root.rglob("*") if path.is_file()}
    converted()
    assert {path: path.read_bytes() for path in openhlm.root.rglob("*") if path.is_file()} == before
    assert len(before) == 1 + len(SIZES)
