"""Loading MuJoCo with the graphics library that renders on this machine."""

from __future__ import annotations

from hlm.core.errors import MissingDependencyError
from hlm.sim.graphics import advice, use_headless_rendering


def load_simulator() -> None:
    """Choose the graphics library, then import MuJoCo.

    Raises:
        InputError: environment variables that contradict each other, or cannot render.
        MissingDependencyError: MuJoCo or the graphics library cannot be loaded.
    """
    chosen = use_headless_rendering()
    try:
        import mujoco  # noqa: F401
    except Exception as error:  # importing a graphics library can raise anything
        raise MissingDependencyError(
            f"MuJoCo cannot be loaded with MUJOCO_GL={chosen} ({type(error).__name__}: {error}). {advice()}"
        ) from error
