"""One run: a stream, a tracker and a robot in its surroundings, as the control loop would put them together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from tracker_parts.streams import Stream
from tracker_parts.surroundings import FlawedSensors, Pusher, Surroundings, make_world, start_of

from hlm.cli.trackers import WHOLE_BODY, tracker_maker
from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.embodiment import Embodiment
from hlm.core.errors import HlmError
from hlm.core.layout import JOINT_INDEX, MOTOR_LEGS
from hlm.core.proprioception import measured_state
from hlm.core.rotations import matrix_from_quat, roll_pitch_yaw_from_quat
from hlm.core.values import Reference
from hlm.runtime.safety.checks import reference_fault
from hlm.runtime.safety.reference_limits import ReferenceLimits
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World

TICK_HZ = 100.0
AFTER_S = 1.0  # observed time after the end of the stream
FALLEN_UPRIGHTNESS, FALLEN_HEIGHT_M = 0.3, 0.25
_BEFORE_S = 0.5  # what happened this long before a fall is noted
_SATURATED = 0.99


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What happened in a run; deviations are from the motion that was meant, `lag_s` ago.

    Attributes:
        fell: whether the trunk tipped over, the pelvis dropped, or the tracker gave up.
        ending: "stood", "fell", or why the tracker gave up.
        duration_s: simulated time until the end or the fall.
        leg_rad: RMS error of the leg joints.
        arm_rad: RMS error of the waist and arm joints.
        height_m: RMS error of the pelvis height above the floor.
        heading_rad: RMS error of the heading since the start.
        place_m: RMS distance of the pelvis from where it was meant to be.
        end_m: the same distance at the end.
        lag_s: median time from a reference's stamp to its playback.
        longest_lag_s: longest such time.
        unsolved: ticks in which no torques were found.
        refused: references that the loop's limits refuse.
        step_ms: median processor time of a tick.
        step_p99_ms: 99th percentile.
        push_ms: median processor time to add a reference.
        tilt: where the trunk went in the fall: "forward", "backward", "left", "right"; empty without one.
        contact: feet on the ground half a second before the end: "both", "left", "right" or "none".
        saturated: share of the ticks in the last half second in which a motor was at its limit.
        touching: share of all ticks in which the robot touched itself, such as its thigh with a hand.
    """

    fell: bool
    ending: str
    duration_s: float
    leg_rad: float
    arm_rad: float
    height_m: float
    heading_rad: float
    place_m: float
    end_m: float
    lag_s: float
    longest_lag_s: float
    unsolved: int
    refused: int
    step_ms: float
    step_p99_ms: float
    push_ms: float
    tilt: str
    contact: str
    saturated: float
    touching: float


type Look = Callable[[World, int], None]


class Rollout:
    """A run that is being made.

    Args:
        stream: what is asked.
        around: what the tracker is not told.
        embodiment: the robot.
        tracker: name of the tracker, see `hlm.cli.trackers`.
        look: called at each step of the stream with the world and the step, for films.
    """

    def __init__(
        self,
        stream: Stream,
        around: Surroundings,
        embodiment: Embodiment,
        tracker: str = WHOLE_BODY,
        look: Look | None = None,
    ) -> None:
        self._stream, self._around, self._look = stream, around, look
        self._world = make_world(around, embodiment)
        self._robot = SimulatedRobot(self._world, embodiment)
        self._sensors = FlawedSensors(self._robot, around, TICK_HZ)
        self._pusher = Pusher(self._world, around)
        self._tracker = tracker_maker(tracker)()
        self._model = BodyModel(embodiment)
        self._limits, self._effort_nm = ReferenceLimits(embodiment), embodiment.effort_nm
        self._soles = [int(self._world.model.body(name).id) for name in embodiment.sole_links]
        self._rows: list[FloatArray] = []
        self._contacts: list[tuple[bool, bool, bool]] = []
        self._step_s: list[float] = []
        self._push_s: list[float] = []
        self._refused = 0
        self._ending = ""

    def run(self) -> Outcome:
        """Put the robot at the start, and let it follow the stream to its end or its own."""
        start = start_of(self._stream.start, self._around, self._model)
        self._world.reset()
        self._robot.place(start.position_pelvis_in_world_m, start.quat_world_from_pelvis_wxyz, start.joint_position_rad)
        self._world.forward()
        with self._robot:
            state = self._sensors.read()
            self._tracker.reset(state)
            self._last, self._last_step = measured_state(state, None)[0], -1
            for step in range(len(self._stream.vectors) + round(AFTER_S * STEP_HZ)):
                if self._look is not None:
                    self._look(self._world, step)
                self._push(step)
                for tick_ns in _ticks(step):
                    self._world.wait_until(tick_ns)
                    self._pusher.act()
                    self._tick()
                if self._ending:
                    break
        return self._outcome()

    def _push(self, step: int) -> None:
        """Give the tracker what arrives now, limited as the control loop does."""
        for index in np.flatnonzero(self._stream.arrival_step == step):
            vector = self._stream.vectors[index]
            if reference_fault(vector) or self._limits.fault(vector):
                self._refused += 1
                continue
            passed_s = (index - self._last_step) / STEP_HZ
            self._last, self._last_step = self._limits.limited(vector, self._last, passed_s), int(index)
            reference = Reference(round(index * NS_PER_S / STEP_HZ), self._last)
            begin_s = time.thread_time()
            self._tracker.push(reference)
            self._push_s.append(time.thread_time() - begin_s)

    def _tick(self) -> None:
        if self._ending:
            return
        try:
            state = self._sensors.read()
            begin_s = time.thread_time()
            command = self._tracker.step(state)
        except HlmError as error:
            self._ending = str(error)
            return
        self._step_s.append(time.thread_time() - begin_s)
        self._robot.command(command)
        self._note()

    def _note(self) -> None:
        position_m, quat = self._robot.true_base()
        height_m = position_m[2] - float(self._around.floor_m(position_m[:2]))
        joints = self._robot.read().joint_position_rad
        used = float((np.abs(self._robot.motor_torque_nm()) / self._effort_nm).max())
        yaw = float(roll_pitch_yaw_from_quat(quat)[2])
        row = [self._world.now_ns() / NS_PER_S, self._tracker.lag_s, height_m, *position_m[:2], yaw, used, *joints]
        self._rows.append(np.array(row))
        self._contacts.append(self._touches())
        if self._robot.pelvis_uprightness() < FALLEN_UPRIGHTNESS or height_m < FALLEN_HEIGHT_M:
            self._ending = "fell"

    def _touches(self) -> tuple[bool, bool, bool]:
        """Whether the left foot, the right foot and the robot itself are touched."""
        data, model = self._world.data, self._world.model
        pairs = [{int(model.geom_bodyid[geom]) for geom in contact.geom} for contact in data.contact]
        left, right = (any(sole in pair and 0 in pair for pair in pairs) for sole in self._soles)
        return left, right, any(0 not in pair for pair in pairs)

    def _outcome(self) -> Outcome:
        rows, stream = np.array(self._rows), self._stream
        played = np.clip(np.round((rows[:, 0] - rows[:, 1]) * STEP_HZ).astype(int), 0, len(stream.vectors) - 1)
        off = (rows[:, 7:] - stream.meant[played][:, JOINT_INDEX]) ** 2
        place_m = np.linalg.norm(rows[:, 3:5] - stream.place_m[played], axis=1)
        yaw = np.unwrap(rows[:, 5])
        turned = (yaw - yaw[0]) - (stream.heading_rad[played] - stream.heading_rad[0])
        before = max(0, len(rows) - round(_BEFORE_S * TICK_HZ))
        left, right, _ = self._contacts[before]
        return Outcome(
            fell=bool(self._ending),
            ending=self._ending or "stood",
            duration_s=float(rows[-1, 0]),
            leg_rad=float(np.sqrt(off[:, MOTOR_LEGS].mean())),
            arm_rad=float(np.sqrt(off[:, MOTOR_LEGS.stop :].mean())),
            height_m=_rms(rows[:, 2] - stream.height_m[played]),
            heading_rad=_rms(turned),
            place_m=_rms(place_m),
            end_m=float(place_m[-1]),
            lag_s=float(np.median(rows[:, 1])),
            longest_lag_s=float(rows[:, 1].max()),
            unsolved=self._tracker.unsolved_ticks,
            refused=self._refused,
            step_ms=1e3 * float(np.median(self._step_s)),
            step_p99_ms=1e3 * float(np.quantile(self._step_s, 0.99)),
            push_ms=1e3 * float(np.median(self._push_s)) if self._push_s else float("nan"),
            tilt=self._tilt() if self._ending else "",
            contact={(True, True): "both", (True, False): "left", (False, True): "right"}.get((left, right), "none"),
            saturated=float((rows[before:, 6] > _SATURATED).mean()),
            touching=float(np.mean([touched for *_, touched in self._contacts])),
        )

    def _tilt(self) -> str:
        """Where the head went, seen from the pelvis' heading."""
        _, quat = self._robot.true_base()
        rotation = matrix_from_quat(quat)
        yaw = float(roll_pitch_yaw_from_quat(quat)[2])
        up = rotation[:, 2]
        ahead = np.cos(yaw) * up[0] + np.sin(yaw) * up[1]
        left = -np.sin(yaw) * up[0] + np.cos(yaw) * up[1]
        if abs(ahead) > abs(left):
            return "forward" if ahead > 0.0 else "backward"
        return "left" if left > 0.0 else "right"


def _ticks(step: int) -> Iterator[int]:
    """Instants of the tracker's ticks between a step of the stream and the next, ns."""
    first = int(np.ceil(step / STEP_HZ * TICK_HZ - 1e-9))
    after = int(np.ceil((step + 1) / STEP_HZ * TICK_HZ - 1e-9))
    for tick in range(first, after):
        yield round(tick * NS_PER_S / TICK_HZ)


def _rms(values: FloatArray) -> float:
    """Root mean square; not a number when any value is none."""
    return float(np.sqrt(np.mean(np.square(values))))
