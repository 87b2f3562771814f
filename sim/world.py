"""A MuJoCo world that is its own clock."""

from __future__ import annotations

from collections.abc import Callable

import mujoco

from hlm.core.clock import NS_PER_S

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


class World:
    """Physics that advances only inside `wait_until`; implements `hlm.core.clock.Clock`.

    Args:
        model: the compiled model, with a time step of 2 ms.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self.model = model
        self.data = mujoco.MjData(model)
        self._steps = 0
        self._before_step: Callable[[], None] | None = None

    def before_step(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` before every physics step, in place of the one set before; None calls nothing."""
        self._before_step = callback

    def reset(self) -> None:
        """Return to the initial state of the model, and the clock to 0; call `forward` after placing bodies."""
        mujoco.mj_resetData(self.model, self.data)
        self._steps = 0

    def forward(self) -> None:
        """Recompute everything that depends on positions, after bodies were placed."""
        mujoco.mj_forward(self.model, self.data)

    def now_ns(self) -> int:
        """Simulated nanoseconds since the last reset."""
        return self._steps * TIME_STEP_NS

    def wait_until(self, due_ns: int) -> None:
        """Step the physics up to the last step that is not later than `due_ns`."""
        while (self._steps + 1) * TIME_STEP_NS <= due_ns:
            if self._before_step is not None:
                self._before_step()
            mujoco.mj_step(self.model, self.data)
            self._steps += 1
        # A step leaves contacts, sites and cameras at the positions before it: recompute them once.
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
