"""Whatever a BVH file holds, it is read, or refused in one line."""

import os

import numpy as np
import pytest
from fakes_people import CONVENTIONS, bvh_text, person
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hlm.core.errors import HlmError, InputError, MissingFileError
from hlm.teleop.motion.motion_reader import MotionOptions, read_motion

TEXT = bvh_text(person(seconds=0.5), CONVENTIONS["Mixamo"])
LINES = TEXT.splitlines()
HEAD = LINES.index("MOTION")


def refuse(folder, text, words, kind=HlmError, options=None):
    path = folder / "motion.bvh"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(kind, match=words) as caught:
        read_motion(path, options)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def with_line(start, new, text=TEXT):
    """The text with the first line that starts so replaced."""
    lines = text.splitlines()
    index = next(index for index, line in enumerate(lines) if line.strip().startswith(start))
    return "\n".join([*lines[:index], new, *lines[index + 1 :]])


def with_value(frame, column, value):
    lines = TEXT.splitlines()
    words = lines[HEAD + 3 + frame].split()
    words[column] = value
    return "\n".join([*lines[: HEAD + 3 + frame], " ".join(words), *lines[HEAD + 4 + frame :]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no BVH file: it does not begin with HIERARCHY"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no BVH file"),
        (TEXT[: TEXT.index("MOTION")], "ends before its MOTION"),
        (TEXT[: TEXT.index("JOINT mixamorig:LeftLeg")], "missing; the file is cut off"),
        (TEXT[:-400], r"it says 30 frames, but has 29|numbers, but the joints have"),
        (with_line("Frames", "Frames: 1000000000000"), "says 1000000000000 frames, but has 30"),
        (with_line("Frames", "Frames: many"), "'Frames: NUMBER' was expected after MOTION"),
        (with_line("Frames", "Frames: -3"), "'Frames' is -3"),
        (with_line("Frames", "Frames: 1e400"), "'Frames: NUMBER' was expected"),
        ("\n".join([*LINES[: HEAD + 1], "Frames: 0", "Frame Time: 0.01"]), "the motion is empty: it has 0 frames"),
        (with_line("Frame Time", "Frame Time: 0"), "a frame lasts 0 s"),
        (with_line("Frame Time", "Frame Time: 30"), "a frame lasts 30 s.*--fps"),
        (with_line("Frame Time", "Frame Time: nan"), "'Frame Time: NUMBER' was expected"),
        (with_value(4, 7, "nan"), "frame 5 has a number that is none"),
        (with_value(4, 7, "inf"), "frame 5 has a number that is none"),
        (with_value(4, 1, "1e300"), "frame 5 has a position that is no number"),
        (with_value(4, 7, "1,5"), "something that is no number"),
        (with_value(4, 7, ""), "frame 5 has 65 numbers, but the joints have 66 channels"),
        (
            with_line("CHANNELS 6", "CHANNELS 5 Xposition Yposition Zposition Zrotation Xrotation Yrotation"),
            "CHANNELS says 5",
        ),
        (with_line("CHANNELS 3", "CHANNELS 3 Zrotation Xrotation Wrotation"), "'Wrotation' is unknown"),
        (with_line("CHANNELS 3", "CHANNELS 3 Zrotation Xrotation Zrotation"), "named twice"),
        (with_line("OFFSET", "OFFSET 1 2"), "OFFSET must have three numbers"),
        (with_line("OFFSET", "OFFSET 1 2 nan"), "OFFSET must have three numbers"),
        (with_line("OFFSET", ""), "has no OFFSET"),
        (with_line("JOINT mixamorig:LeftLeg", "JOINT mixamorig:RightLeg"), "a second joint 'mixamorig:RightLeg'"),
        (with_line("JOINT mixamorig:LeftUpLeg", "ROOT Other"), "a second ROOT 'Other'"),
        (TEXT.replace("MOTION", TEXT[TEXT.index("ROOT") : TEXT.index("MOTION")] + "MOTION"), "a second ROOT"),
        (with_line("JOINT mixamorig:Spine", "BONE spine"), "'BONE' is unknown"),
        (TEXT.replace("HIERARCHY", "HIERARCHY\n}"), "closes nothing"),
        (TEXT.replace("HIERARCHY", "HIERARCHY\nJOINT a"), "outside of the ROOT"),
        (TEXT.replace("HIERARCHY", "HIERARCHY\nOFFSET 0 0 0"), "outside of a joint"),
        ("HIERARCHY\n" + "ROOT a\n{\nOFFSET 0 0 0\n" * 2, "second ROOT"),
        ("HIERARCHY\nROOT j\n{\n" + "".join(f"JOINT j{n}\n{{\n" for n in range(2000)), "more than 1000 joints"),
    ],
)
def test_damage_is_said(tmp_path, text, words):
    refuse(tmp_path, text, words)


def test_unknown_names_are_said_with_the_mapping_to_give(tmp_path):
    odd = TEXT.replace("LeftHand", "Lefthandle").replace("RightForeArm", "Q7")
    refuse(
        tmp_path,
        odd,
        r"no joint was found for right_elbow, left_wrist\. Give each, such as --map right_elbow=NAME\. It has",
    )
    path = tmp_path / "odd.bvh"
    path.write_text(odd)
    given = {"right_elbow": "mixamorig:Q7", "left_wrist": "mixamorig:Lefthandle"}
    motion = read_motion(path, MotionOptions(joints=given))
    assert motion.facts.joints["right_elbow"] == "mixamorig:Q7"


def test_a_mapping_to_nothing_is_refused(tmp_path):
    options = MotionOptions(joints={"left_hand": "mixamorig:LeftWrist"})
    refuse(tmp_path, TEXT, "no joint 'mixamorig:LeftWrist'.*Did you mean", InputError, options)
    options = MotionOptions(joints={"left_paw": "mixamorig:LeftHand"})
    refuse(tmp_path, TEXT, "no keypoint 'left_paw'", InputError, options)


def test_a_size_that_is_nobody_s_is_said(tmp_path):
    tiny = bvh_text(person(seconds=0.5), CONVENTIONS["Mixamo"], unit_m=100.0)
    refuse(tmp_path, tiny, r"its unit could not be found: the legs are 0\.0083 units long.*--unit-m")
    path = tmp_path / "tiny.bvh"
    path.write_text(tiny)
    assert read_motion(path, MotionOptions(unit_m=100.0)).facts.stature_m == pytest.approx(1.69, abs=0.02)


def test_swapped_sides_are_said(tmp_path):
    swapped = TEXT.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
    refuse(tmp_path, swapped, "toes point backwards")


def test_options_are_checked():
    with pytest.raises(InputError, match="--unit-m must be above 0"):
        MotionOptions(unit_m=0.0)
    with pytest.raises(InputError, match="--fps must be above 0"):
        MotionOptions(fps=float("nan"))
    with pytest.raises(InputError, match="--up must be one of x, y, z"):
        MotionOptions(up="top")


def test_files_that_are_none(tmp_path):
    with pytest.raises(MissingFileError, match="there is no file"):
        read_motion(tmp_path / "none.bvh")
    (tmp_path / "walk.fbx").write_bytes(b"")
    with pytest.raises(InputError, match=r"ends in \.bvh, \.npz, \.npy"):
        read_motion(tmp_path / "walk.fbx")


def test_a_file_beyond_all_size_is_not_read(tmp_path):
    path = tmp_path / "huge.bvh"
    path.touch()
    os.truncate(path, 2**33)
    with pytest.raises(HlmError, match="larger than 256 MiB"):
        read_motion(path)


def read_or_refuse(path):
    try:
        motion = read_motion(path)
    except HlmError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 3000
    else:
        known = [position for position in np.moveaxis(motion.position_in_world_m, 1, 0) if not np.isnan(position).all()]
        assert np.isfinite(known).all()


SHORT = "\n".join([*LINES[: HEAD + 1], "Frames: 2", LINES[HEAD + 2], *LINES[HEAD + 3 : HEAD + 5]])
TOKENS = (
    "{",
    "}",
    "JOINT",
    "ROOT x",
    "End Site",
    "OFFSET",
    "MOTION",
    "nan",
    "-1e308",
    "0",
    "\x00",
    "\u2028",
    "CHANNELS 1 Xrotation",
)
RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RELAXED
@given(edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(TOKENS)), min_size=1, max_size=3))
def test_edits_are_read_or_refused(tmp_path, edits):
    text = SHORT
    for where, cut, token in edits:
        start = int(where * len(text))
        text = text[:start] + token + text[start + cut :]
    path = tmp_path / "edited.bvh"
    path.write_text(text)
    read_or_refuse(path)


@RELAXED
@given(data=st.binary(max_size=200), after=st.sampled_from([b"", b"HIERARCHY\n", SHORT[: len(SHORT) // 2].encode()]))
def test_noise_is_refused(tmp_path, data, after):
    path = tmp_path / "noise.bvh"
    path.write_bytes(after + data)
    read_or_refuse(path)


@RELAXED
@given(order=st.permutations(range(len(SHORT.splitlines()))))
def test_lines_in_any_order_are_read_or_refused(tmp_path, order):
    lines = SHORT.splitlines()
    path = tmp_path / "mixed.bvh"
    path.write_text("\n".join(["HIERARCHY", *(lines[index] for index in order)]))
    read_or_refuse(path)
