"""A motion in words, for people."""

from __future__ import annotations

from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.motion.motion import Motion
from hlm.teleop.motion.standing import standing_window


def motion_summary(motion: Motion) -> tuple[tuple[str, str], ...]:
    """Facts of a motion, as pairs of what they are about and what was found."""
    facts = motion.facts
    absent = [keypoint for keypoint in KEYPOINTS if keypoint not in facts.joints]
    window = standing_window(motion.position_in_world_m, motion.frame_time_s)
    standing = "never for two seconds" if window is None else f"best from {window.start * motion.frame_time_s:.1f} s"
    return (
        ("file", facts.file),
        (
            "duration",
            f"{motion.duration_s:.2f} s, {motion.frames} frames at {1.0 / motion.frame_time_s:.4g} per second",
        ),
        ("unit", f"{facts.unit} ({facts.unit_m:.4g} m)"),
        ("up", facts.up),
        ("stature", f"about {facts.stature_m:.2f} m, by the length of the legs"),
        ("stands still", standing),
        ("orientations", facts.orientations),
        (
            "joints",
            ", ".join(f"{keypoint}={facts.joints[keypoint]}" for keypoint in KEYPOINTS if keypoint in facts.joints),
        ),
        ("absent", ", ".join(absent) or "none"),
        *(("note", note) for note in facts.notes),
    )
