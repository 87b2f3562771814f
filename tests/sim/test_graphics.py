import pytest

from hlm.core.errors import InputError, MissingDependencyError
from hlm.sim.graphics import INSTALL, advice, use_headless_rendering


@pytest.fixture
def install(monkeypatch):
    """Makes these libraries the installed ones."""

    def only(*libraries):
        monkeypatch.setattr("ctypes.util.find_library", lambda name: name if name in libraries else None)

    return only


def test_it_keeps_the_persons_choice():
    environment = {"MUJOCO_GL": "glfw", "DISPLAY": ":0"}
    assert use_headless_rendering(environment) == "glfw"
    assert environment == {"MUJOCO_GL": "glfw", "DISPLAY": ":0"}


@pytest.mark.parametrize(("installed", "chosen"), [(("EGL", "OSMesa"), "egl"), (("OSMesa",), "osmesa")])
def test_it_takes_what_is_installed(installed, chosen, install):
    install(*installed)
    environment = {}
    assert use_headless_rendering(environment) == chosen
    assert environment == {"MUJOCO_GL": chosen}


def test_it_follows_what_pyopengl_is_told(install):
    install("EGL", "OSMesa")
    environment = {"PYOPENGL_PLATFORM": "osmesa"}
    assert use_headless_rendering(environment) == "osmesa"


def test_without_a_library_it_says_what_to_install(install):
    install()
    with pytest.raises(MissingDependencyError, match=f"Run: {INSTALL}"):
        use_headless_rendering({})


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"MUJOCO_GL": "foo"}, "MUJOCO_GL=foo is no graphics library. Unset MUJOCO_GL, or set it to egl, osmesa, glfw"),
        ({"MUJOCO_GL": "off"}, "MUJOCO_GL=off switches rendering off"),
        ({"MUJOCO_GL": "glfw"}, "MUJOCO_GL=glfw needs a display, and DISPLAY is not set"),
        (
            {"MUJOCO_GL": "egl", "PYOPENGL_PLATFORM": "osmesa"},
            "PYOPENGL_PLATFORM=osmesa contradicts MUJOCO_GL=egl. Unset it, or set it to egl",
        ),
        ({"PYOPENGL_PLATFORM": "osmesa"}, "PYOPENGL_PLATFORM=osmesa cannot render without a display here"),
        ({"MUJOCO_EGL_DEVICE_ID": "GPU-0"}, "MUJOCO_EGL_DEVICE_ID=GPU-0 is not the number of a device"),
    ],
)
def test_variables_that_cannot_be_are_named_with_their_values(environment, text, install):
    install("EGL")
    with pytest.raises(InputError) as error:
        use_headless_rendering(environment)
    assert str(error.value).startswith(text)


def test_its_advice_doubts_what_was_set_before_what_is_installed():
    usual = {"MUJOCO_GL": "egl", "PYOPENGL_PLATFORM": "egl"}  # the second is MuJoCo's own doing
    assert advice(usual) == f"Install a software GL library: {INSTALL}"
    assert advice(usual | {"MUJOCO_EGL_DEVICE_ID": "3"}).startswith("Unset MUJOCO_EGL_DEVICE_ID (now '3'), and if")
    assert "egl" not in advice(usual | {"MUJOCO_EGL_DEVICE_ID": "3"}).removesuffix(INSTALL)
