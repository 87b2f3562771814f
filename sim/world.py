"""A MuJoCo world that is its own clock."""

from __future__ import annotations

import logging
from collections.abc import Callable

import mujoco
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.errors import SimulationError

_LOG = logging.getLogger(__name__)

# 500 Hz, the rate of joint commands.
TIME_STEP_NS = 2_000_000


def set_physics_options(spec: mujoco.MjSpec) -> None:
    """Set the time step, and the solver for friction grasps: elliptic cones and stiff friction."""
    option = spec.option
    option.timestep = TIME_STEP_NS / NS_PER_S
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10.0
    option.iterations = 20
    # MuJoCo would put an unstable world back to its start and go on: a robot that was thrown would stand again.
    option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET


_STATE = mujoco.mjtState.mjSTATE_INTEGRATION

# MuJoCo's warnings after which a world means nothing any more, by what went wrong.
_BLOWN_UP = {
    mujoco.mjtWarning.mjWARN_BADQPOS: "position",
    mujoco.mjtWarning.mjWARN_BADQVEL: "velocity",
    mujoco.mjtWarning.mjWARN_BADQACC: "acceleration",
    mujoco.mjtWarning.mjWARN_BADCTRL: "control",
}


class World:
    """Physics that advances only inside `wait_until`; implements `hlm.core.clock.Clock`.

    A world that blows up (a position, velocity or acceleration is not a number, or above 1e10) stops moving, while its
    clock goes on; `check` says so until the next `reset`.

    Args:
        model: the compiled model, with a time step of 2 ms and the options of `set_physics_options`.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        mujoco.set_mju_user_warning(_log)
        self.model = model
        self.data = mujoco.MjData(model)
        self._blown_up = self.data.warning.number[min(map(int, _BLOWN_UP)) : max(map(int, _BLOWN_UP)) + 1]
        self._fault = ""
        self._steps = 0
        self._origin_ns = 0
        self._before_step: Callable[[], None] | None = None

    def before_step(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` before every physics step, in place of the one set before; None calls nothing."""
        self._before_step = callback

    def reset(self) -> None:
        """Return to the initial state of the model, and the clock to 0; call `forward` after placing bodies."""
        mujoco.mj_resetData(self.model, self.data)
        self._fault = ""
        self._steps = 0
        self._origin_ns = 0

    def forward(self) -> None:
        """Recompute everything that depends on positions, after bodies were placed."""
        mujoco.mj_forward(self.model, self.data)

    def now_ns(self) -> int:
        """Simulated nanoseconds since the last reset, or what `set_clock` made of them."""
        return self._origin_ns + self._steps * TIME_STEP_NS

    def set_clock(self, now_ns: int) -> None:
        """Call this instant `now_ns`; nothing moves."""
        self._origin_ns = now_ns - self._steps * TIME_STEP_NS

    def check(self) -> None:
        """Nothing, as long as the world can be believed.

        Raises:
            SimulationError: it blew up; the text says when, and which joint.
        """
        if self._fault:
            raise SimulationError(self._fault)

    def wait_until(self, due_ns: int) -> None:
        """Step the physics up to the last step that is not later than `due_ns`."""
        while self.now_ns() + TIME_STEP_NS <= due_ns:
            self.step()
        # A step leaves contacts, sites and cameras at the positions before it: recompute them once.
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)

    def step(self) -> None:
        """One step of the physics; positions of bodies, sites and cameras stay as they were before it."""
        if not self._fault:
            self._step()
        self._steps += 1

    def state(self) -> FloatArray:
        """[number] everything that the future depends on (MuJoCo's integration state)."""
        state = np.empty(state_size(self.model))
        mujoco.mj_getState(self.model, self.data, state, _STATE)
        return state

    def show(self, state: FloatArray, now_ns: int, fault: str = "") -> None:
        """Be as another world of the same model is.

        Args:
            state: [number] its `state`.
            now_ns: instant of that state, from now on the instant of this world.
            fault: why that world cannot be believed; empty when it can.
        """
        mujoco.mj_setState(self.model, self.data, state, _STATE)
        self.forward()
        self.set_clock(now_ns)
        self._fault = fault

    def _step(self) -> None:
        if self._before_step is not None:
            self._before_step()
        mujoco.mj_step(self.model, self.data)
        if self._blown_up.any():
            self._fault = self._what_blew_up()

    def _what_blew_up(self) -> str:
        kind = next(kind for kind in _BLOWN_UP if self.data.warning[kind].number)
        index = int(self.data.warning[kind].lastinfo)
        model = self.model
        if kind == mujoco.mjtWarning.mjWARN_BADCTRL:
            part = f"actuator '{model.actuator(index).name}'"
        elif kind == mujoco.mjtWarning.mjWARN_BADQPOS:
            part = f"joint '{model.joint(int((model.jnt_qposadr <= index).sum()) - 1).name}'"
        else:
            part = f"joint '{model.joint(int(model.dof_jntid[index])).name}'"
        time_s = self._steps * TIME_STEP_NS / NS_PER_S
        return f"the simulation blew up after {time_s:.3f} s: the {_BLOWN_UP[kind]} of {part} is not finite or is huge"


def state_size(model: mujoco.MjModel) -> int:
    """How many numbers the state of a world of this model has."""
    return int(mujoco.mj_stateSize(model, _STATE))


def _log(text: str) -> None:
    """Take MuJoCo's warnings, which it would write to a file in the working folder.

    A blown-up world is told by `World.check`.
    """
    _LOG.log(logging.DEBUG if "unstable" in text else logging.WARNING, "MuJoCo: %s", text)
