"""A PICO headset with its body tracking, through XRoboToolkit."""

from __future__ import annotations

from importlib import import_module
from types import TracebackType
from typing import Any, Self

import numpy as np

from hlm.core.clock import NS_PER_S, Clock
from hlm.core.errors import CorruptError, LostError, MissingDependencyError
from hlm.teleop.devices.device import Button, DeviceSample
from hlm.teleop.devices.headset.hysteresis import Hysteresis
from hlm.teleop.devices.headset.one_way_offset import OneWayOffset
from hlm.teleop.devices.headset.webxr_axes import pose_from_webxr
from hlm.teleop.devices.headset_buttons import session_buttons
from hlm.teleop.keypoints.smpl_body import JOINTS, keypoints_from_smpl

_QUIET_NS = NS_PER_S // 2
_SILENT = (
    "XRoboToolkit delivers nothing: start its service on this machine, open its app on the headset, connect it, and "
    "let it send body tracking"
)
_NO_BODY = "the headset tracks no body: wear and calibrate its leg trackers, and turn on full-body tracking in its app"


class PicoDevice:
    """A person's whole body; implements `hlm.teleop.devices.device.Device`.

    Stamps are the headset's, brought to our clock by the samples that came fastest, so they are late by what those
    took: a few milliseconds in a local network.

    Args:
        clock: that samples are stamped with.
        sdk: the module `xrobotoolkit_sdk`, or what behaves like it; imported when None.
    """

    name = "pico"
    cannot: tuple[str, ...] = (
        "how wrists are turned: only where they are",
        "fingers: a trigger closes a gripper",
    )

    def __init__(self, clock: Clock, sdk: Any = None) -> None:
        self._clock = clock
        self._sdk = sdk
        self._offset = OneWayOffset()
        self._triggers = (Hysteresis(), Hysteresis())
        self._theirs_ns = 0
        self._seen_ns: int | None = None
        self._newest: DeviceSample | None = None
        self._wrong = ""

    def __enter__(self) -> Self:
        """Connect to the service, which may start later.

        Raises:
            MissingDependencyError: the SDK is not installed.
            LostError: it refuses.
        """
        if self._sdk is None:
            try:
                self._sdk = import_module("xrobotoolkit_sdk")
            except ImportError:
                raise MissingDependencyError(
                    "`--source pico` needs the package xrobotoolkit-sdk: pip install 'hlm[headset]'"
                ) from None
        try:
            self._sdk.init()
        except RuntimeError as error:
            raise LostError(f"XRoboToolkit cannot be used: {error}. Start its service, and try again.") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sdk.close()

    def read(self) -> DeviceSample | None:
        """The newest sample, without waiting; None before the first."""
        theirs_ns = self._sdk.get_body_timestamp_ns() or self._sdk.get_time_stamp_ns()
        if theirs_ns == self._theirs_ns:
            return self._newest
        self._theirs_ns = theirs_ns
        self._seen_ns = self._clock.now_ns()
        stamp_ns = self._offset.ours_ns(theirs_ns, self._seen_ns)
        if self._newest is not None and stamp_ns <= self._newest.stamp_ns:
            return self._newest
        try:
            self._newest, self._wrong = self._sample(stamp_ns), ""
        except CorruptError as error:
            self._wrong = str(error)
        return self._newest

    @property
    def trouble(self) -> str:
        """Why nothing new comes; empty when all is well."""
        if self._seen_ns is None:
            return _SILENT
        age_ns = self._clock.now_ns() - self._seen_ns
        if age_ns > _QUIET_NS:
            return f"the headset has been silent for {age_ns / NS_PER_S:.1f} s: is it worn, and in the network?"
        return self._wrong

    def _sample(self, stamp_ns: int) -> DeviceSample:
        """What the SDK says now.

        Raises:
            CorruptError: it tells no body.
        """
        if not self._sdk.is_body_data_available():
            raise CorruptError(_NO_BODY)
        told = [list(pose) for pose in self._sdk.get_body_joints_pose()]
        # The SDK's numbers before the first body, and of one that is lost.
        if len(told) != JOINTS or not any(any(pose) for pose in told):
            raise CorruptError(_NO_BODY)
        # Its axes are those of WebXR: x to the right, y up, z back, quaternions with their real part last.
        poses = [pose_from_webxr(pose) for pose in told]
        pulled = [
            trigger.update(value)
            for trigger, value in zip(
                self._triggers, (self._sdk.get_left_trigger(), self._sdk.get_right_trigger()), strict=True
            )
        ]
        opening = 1.0 - np.array(pulled, dtype=np.float64)
        motion = keypoints_from_smpl(poses, opening, stamp_ns)
        return DeviceSample(stamp_ns=stamp_ns, motion=motion, buttons=self._buttons())

    def _buttons(self) -> frozenset[Button]:
        sdk = self._sdk
        left = {
            "primary": sdk.get_X_button(),
            "secondary": sdk.get_Y_button(),
            "stick": sdk.get_left_axis_click(),
        }
        right = {
            "primary": sdk.get_A_button(),
            "secondary": sdk.get_B_button(),
            "stick": sdk.get_right_axis_click(),
        }
        return session_buttons(
            {name for name, pressed in left.items() if pressed}, {name for name, pressed in right.items() if pressed}
        )
