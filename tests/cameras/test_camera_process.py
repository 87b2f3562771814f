"""Cameras in real processes: what a caller sees of devices that fail, and of processes that die."""

import gc
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conformance.cameras import CamerasConformance
from fakes_cameras import HEIGHT, WIDTH, ObedientCameras, Remote, noise

from hlm.cameras.camera_process import CameraProcess, CameraProcesses
from hlm.cameras.delivery import DeliveryConfig
from hlm.cameras.frame_ring import FrameRing
from hlm.cameras.image_checks import ImageChecks
from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError, LostError, MismatchError, UnknownNameError, WorkerDiedError
from hlm.core.protocols import ReportsCameras
from hlm.core.values import CameraFrame

QUICK = DeliveryConfig(
    rate_hz=50.0, checks=ImageChecks(frozen_after_s=0.1), first_retry_s=0.02, longest_retry_s=0.1, nice=0
)
CLOCK = MonotonicClock()


def until(condition, timeout_s=60.0):
    """What a condition says once it says something."""
    deadline_ns = CLOCK.now_ns() + round(timeout_s * 1e9)
    while CLOCK.now_ns() < deadline_ns:
        if answer := condition():
            return answer
        CLOCK.wait_until(CLOCK.now_ns() + 5_000_000)
    raise AssertionError("it never came")


def process(remote, names=("head",), config=QUICK, name="cameras", **arguments):
    return CameraProcess(name, partial(ObedientCameras, remote, names), names, config, **arguments)


@pytest.fixture(scope="module")
def obedient():
    """A remote, and entered cameras that obey it."""
    remote = Remote()
    with process(remote, ("head", "left_wrist")) as cameras:
        yield remote, cameras


@pytest.fixture
def remote_and_cameras(obedient):
    """The same, delivering before and after the test."""
    remote, cameras = obedient
    remote.order("")
    until(lambda: cameras.capture().keys() == {"head", "left_wrist"})
    yield obedient
    remote.order("")


class TestCameraProcess(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self):
        return process(Remote(), ("head", "left_wrist")), CLOCK


class TestCameraProcesses(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self):
        return CameraProcesses((process(Remote()), process(Remote(), ("left_wrist",)))), CLOCK


def test_frames_of_any_size_survive_the_way_through_memory():
    ring = FrameRing()
    assert ring.newest() is None
    for stamp_ns, (height, width) in enumerate([(3, 5), (480, 640), (1, 1)]):
        ring.append(CameraFrame(stamp_ns, noise(stamp_ns, height, width)))
        back = ring.newest()
        assert back.stamp_ns == stamp_ns
        np.testing.assert_array_equal(back.image, noise(stamp_ns, height, width))
    with pytest.raises(MismatchError, match="4000 x 2161 pixels is larger than 3840 x 2160"):
        ring.append(CameraFrame(9, np.zeros((2161, 4000, 3), np.uint8)))


def test_capture_gives_the_newest_image_at_once_and_again(remote_and_cameras):
    _, cameras = remote_and_cameras
    first = cameras.capture()["head"]
    until(lambda: cameras.capture()["head"].stamp_ns > first.stamp_ns)
    assert cameras.capture()["head"].image.shape == (HEIGHT, WIDTH, 3)
    health = cameras.health()["head"]
    assert health.fault == ""
    assert health.frames > 1
    assert 0.0 <= health.age_s < 60.0


def test_a_hanging_device_costs_the_caller_nothing():
    remote = Remote()
    with process(remote) as cameras:
        remote.order("hang")
        frame = until(lambda: cameras.capture().get("head"))
        assert cameras.capture()["head"].stamp_ns >= frame.stamp_ns
        until(lambda: not cameras.capture())
        assert "has delivered no image for" in cameras.health()["head"].fault


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        ("freeze", r"is frozen: \d+ images in 0\.\d s without one pixel that changed"),
        ("black", r"sees nothing: all pixels have the colour \((\d), \1, \1\)"),
        ("break", "is lost: no picture within 1 s"),
        ("refuse", "is lost: no"),
        ("old", "has delivered no image for"),
    ],
)
def test_a_camera_that_fails_is_absent_says_why_and_comes_back(remote_and_cameras, order, fault):
    remote, cameras = remote_and_cameras
    remote.order(order)
    until(lambda: not cameras.capture())
    for health in cameras.health().values():
        assert health.fault.startswith(fault.split(":", maxsplit=1)[0])
    assert re.match(fault, cameras.health()["head"].fault)
    remote.order("")
    until(lambda: cameras.capture().keys() == {"head", "left_wrist"})
    assert cameras.health()["head"].fault == ""


def test_one_camera_of_two_may_be_absent(remote_and_cameras):
    remote, cameras = remote_and_cameras
    remote.order("lack")
    until(lambda: cameras.capture().keys() == {"head"})


def test_a_device_that_failed_is_opened_again_ever_less_often(remote_and_cameras):
    remote, cameras = remote_and_cameras
    before = cameras.health()["head"].reconnections
    remote.order("refuse")
    until(lambda: "no camera at /dev/video7" in cameras.health()["head"].fault)
    remote.order("")
    until(lambda: cameras.capture())
    assert cameras.health()["head"].reconnections > before


def test_a_still_world_is_no_frozen_camera_where_the_driver_says_so():
    remote = Remote()
    remote.order("freeze")
    with process(remote, config=DeliveryConfig(rate_hz=100.0, checks=ImageChecks(frozen_after_s=None))) as cameras:
        until(lambda: cameras.health()["head"].frames > 30)
        assert cameras.capture()


def memories():
    """How many pieces of shared memory this process holds."""
    gc.collect()
    return Path("/proc/self/maps").read_text(encoding="utf-8").count("memfd:hlm")


def killed_process():
    """Id of a process of cameras that was killed, was an error, and was left."""
    with process(Remote(), name="wrist cameras") as cameras:
        os.kill(cameras.pid, signal.SIGKILL)
        with pytest.raises(LostError, match=r"^the wrist cameras process was killed by SIGKILL\.$"):
            until(lambda: not cameras.capture())
        with pytest.raises(LostError, match="SIGKILL"):
            cameras.capture()
        return cameras.pid


def test_a_process_that_is_killed_is_an_error_and_leaves_nothing():
    before = memories()
    pid = killed_process()
    assert not Path(f"/proc/{pid}").exists()
    assert memories() == before


def test_a_device_that_is_not_there_is_one_line_at_the_start():
    remote = Remote()
    remote.order("refuse")
    with pytest.raises(LostError, match=r"^no camera at /dev/video7\. Plug it in\.$"), process(remote):
        pass


def test_a_camera_that_is_named_but_delivers_nothing_is_told_at_the_start():
    remote = Remote()
    remote.order("lack")
    waiting = process(remote, ("head", "left_wrist"), start_timeout_s=2.0)
    with (
        pytest.raises(LostError, match=r"not ready within 2 s\..* camera 'left_wrist' has not delivered an image"),
        waiting,
    ):
        pass
    assert not Path(f"/proc/{waiting.pid}").exists()


def test_a_camera_that_nobody_expects_and_a_death_at_the_start_are_one_line():
    unexpected = CameraProcess("cameras", partial(ObedientCameras, Remote(), ("hed",)), ("head",), QUICK)
    with pytest.raises(UnknownNameError, match=r"no camera 'hed'\. Known: head"), unexpected:
        pass
    remote = Remote()
    remote.order("die")
    with pytest.raises(WorkerDiedError, match="killed by SIGKILL"), process(remote):
        pass


def test_groups_start_together_and_all_stop_when_one_cannot():
    refusing = Remote()
    refusing.order("refuse")
    good = process(Remote())
    with pytest.raises(LostError, match="no camera at"), CameraProcesses((good, process(refusing, ("left_wrist",)))):
        pass
    assert not Path(f"/proc/{good.pid}").exists()
    with pytest.raises(InputError, match="two cameras are called 'head'"):
        CameraProcesses((process(Remote()), process(Remote())))


def test_capture_before_entering_is_one_line():
    with pytest.raises(LostError, match="enter the cameras first"):
        process(Remote()).capture()


def test_who_asks_is_told_what_is_wrong_with_cameras_that_do_not_deliver(remote_and_cameras):
    remote, cameras = remote_and_cameras
    assert isinstance(cameras, ReportsCameras)
    assert isinstance(CameraProcesses(()), ReportsCameras)
    assert cameras.faults() == {}
    remote.order("freeze")
    until(lambda: not cameras.capture())
    assert cameras.faults().keys() == {"head", "left_wrist"}
    assert cameras.faults()["head"].startswith("is frozen: ")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: DeliveryConfig(rate_hz=0.0), "more than 0"),
        (lambda: DeliveryConfig(first_retry_s=0.0), "opened again"),
        (lambda: DeliveryConfig(first_retry_s=6.0), "opened again"),
        (lambda: DeliveryConfig(nice=-1), "0 to 19"),
        (lambda: ImageChecks(frozen_after_s=0.0), "freezes after more than 0 s"),
        (lambda: ImageChecks(frozen_frames=1), "at least 2"),
        (lambda: ImageChecks(blank_range=-1), "blank_range"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, text):
    with pytest.raises(InputError, match=text):
        make()


def ended(pid):
    """Whether a process ended; nobody may have asked how."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_cameras_end_soon_after_the_process_that_started_them_was_killed():
    """As with `kill -9` of a deployment."""
    code = (
        "from functools import partial\n"
        "from fakes_cameras import ObedientCameras, Remote\n"
        "from hlm.cameras.camera_process import CameraProcess\n"
        "from hlm.core.clock import MonotonicClock\n"
        "if __name__ == '__main__':\n"
        "    cameras = CameraProcess('cameras', partial(ObedientCameras, Remote()), ('head',))\n"
        "    with cameras:\n"
        "        print(cameras.pid, flush=True)\n"
        "        MonotonicClock().wait_until(MonotonicClock().now_ns() + 10**12)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as main:
        pid = int(main.stdout.readline())
        main.kill()
        until(lambda: ended(pid))
