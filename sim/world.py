"""A MuJoCo world that is its own clock: time passes when somebody waits."""

from __future__ import annotations

from collections.abc import Callable

import mujoco

from hlm.core.clock import NS_PER_S

TIME_STEP_NS = 2_000_000


def physics_options(spec: mujoco.MjSpec) -> None:
    """Set the solver as friction grasps need it: elliptic cones, stiff friction, 500 Hz, the rate of joint commands."""
    option = spec.option
    option.timestep = TIME_STEP_NS / NS_PER_S
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10.0
    option.iterations = 20


class World:
    """Physics in lockstep with whoever waits on it; implements `hlm.core.clock.Clock`.

    Args:
        model: the compiled model; its time step must be 2 ms.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self.model = model
        self.data = mujoco.MjData(model)
        self._steps = 0
        self._actuate: Callable[[], None] | None = None

    def drive(self, actuate: Callable[[], None]) -> None:
        """Call `actuate` before every physics step: the motors' own control."""
        self._actuate = actuate

    def reset(self) -> None:
        """Back to the model's initial state at instant 0; the caller places bodies and calls `settle`."""
        mujoco.mj_resetData(self.model, self.data)
        self._steps = 0

    def forward(self) -> None:
        """Recompute what depends on positions, after bodies were placed by hand."""
        mujoco.mj_forward(self.model, self.data)

    def now_ns(self) -> int:
        """Simulated nanoseconds since the last reset."""
        return self._steps * TIME_STEP_NS

    def wait_until(self, due_ns: int) -> None:
        """Step the physics up to the last step that is not later than `due_ns`."""
        while (self._steps + 1) * TIME_STEP_NS <= due_ns:
            if self._actuate is not None:
                self._actuate()
            mujoco.mj_step(self.model, self.data)
            self._steps += 1
        # Positions have moved since contacts, sites and cameras were computed: bring them up to date once.
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
