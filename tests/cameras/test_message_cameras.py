"""OpenHLM's and teleimager's cameras, against senders of their wire that the tests write by hand."""

import struct
from functools import partial

import numpy as np
import pytest
from conformance.cameras import CamerasConformance
from fakes_camera_servers import COLOURS, scene

from hlm.cameras.camera_process import CameraProcess
from hlm.cameras.delivery import DeliveryConfig
from hlm.cameras.newest_message import NewestMessage
from hlm.cameras.openhlm import OpenHlmCameras, OpenHlmConfig
from hlm.cameras.teleimager import TeleimagerCamera, TeleimagerConfig
from hlm.core.clock import MonotonicClock
from hlm.core.errors import CorruptError, InputError, LostError, UnknownNameError
from hlm.core.jpeg import encode_jpeg
from hlm.core.openhlm_images import ImagePair, pack_head, pack_wrists

CLOCK = MonotonicClock()
WRISTS = ("left_wrist", "right_wrist")
LONG_S = 30.0


def flat(colour, bar, height=48, width=64):
    image = np.full((height, width, 3), colour, np.uint8)
    image[bar % height] = 255
    return image


def head_by_hand(count):
    """Left eye red, right eye blue, as BGRA."""
    left, right = flat(COLOURS[0], count), flat(COLOURS[2], count)
    joined = np.concatenate([left, right], axis=1)[..., ::-1]
    alpha = np.full((*joined.shape[:2], 1), 255, np.uint8)
    return struct.pack("<3i", 128, 48, 4) + np.concatenate([joined, alpha], axis=2).tobytes()


def wrists(count):
    return pack_wrists(ImagePair(flat(COLOURS[0], count), flat(COLOURS[1], count)))


def head_config(address, **chosen):
    return OpenHlmConfig(names=("head",), address=address, timeout_s=LONG_S, **chosen)


def assert_colour(image, colour):
    np.testing.assert_allclose(np.median(image.reshape(-1, 3), axis=0), colour, atol=4)


class TestOpenHlmHead(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self, publish):
        return OpenHlmCameras(head_config(publish(head_by_hand).address)), CLOCK


class TestOpenHlmWristsInAProcess(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self, publish):
        config = OpenHlmConfig(names=WRISTS, address=publish(wrists).address, timeout_s=LONG_S)
        return CameraProcess("wrist cameras", partial(OpenHlmCameras, config), WRISTS, DeliveryConfig(nice=0)), CLOCK


class TestTeleimager(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self, publish, answer):
        port = publish(lambda count: encode_jpeg(scene(count))).port
        listed = answer({"camera": {"head_camera": {"enable_zmq": True, "zmq_port": port, "binocular": False}}})
        config = TeleimagerConfig(name="head", host="127.0.0.1", port=listed, timeout_s=LONG_S)
        return TeleimagerCamera(config), CLOCK


def test_the_chosen_eye_is_delivered_in_rgb_and_in_the_recorders_size(publish):
    address = publish(head_by_hand).address
    for eye, colour in (("left", COLOURS[0]), ("right", COLOURS[2])):
        with OpenHlmCameras(head_config(address, eye=eye, recorded_size=True)) as cameras:
            image = cameras.capture()["head"].image
        assert image.shape == (400, 464, 3)
        assert_colour(image, colour)
    with OpenHlmCameras(head_config(address)) as cameras:
        assert cameras.capture()["head"].image.shape == (48, 64, 3)


def test_the_left_half_is_the_left_wrist(publish):
    config = OpenHlmConfig(names=WRISTS, address=publish(wrists).address, timeout_s=LONG_S, recorded_size=True)
    with OpenHlmCameras(config) as cameras:
        frames = cameras.capture()
    assert {frame.image.shape for frame in frames.values()} == {(480, 640, 3)}
    assert_colour(frames["left_wrist"].image, COLOURS[0])
    assert_colour(frames["right_wrist"].image, COLOURS[1])
    assert frames["left_wrist"].stamp_ns == frames["right_wrist"].stamp_ns


def test_the_latency_that_was_measured_is_in_the_stamp(publish):
    with OpenHlmCameras(head_config(publish(head_by_hand).address, latency_s=3.0)) as cameras:
        stamp_ns = cameras.capture()["head"].stamp_ns
    assert stamp_ns <= CLOCK.now_ns() - 3_000_000_000


def test_a_message_that_waited_for_an_unknown_time_is_not_taken_for_new(publish):
    sent = []
    publisher = publish(lambda count: sent.append(count) or b"message")
    messages = NewestMessage(publisher.address)
    try:
        assert messages.wait(LONG_S) is not None
        slept_ns, enough = CLOCK.now_ns(), len(sent) + 30
        while len(sent) < enough or CLOCK.now_ns() < slept_ns + 200_000_000:
            CLOCK.wait_until(CLOCK.now_ns() + 10_000_000)
        woke_ns = CLOCK.now_ns()
        assert messages.wait(LONG_S).stamp_ns <= slept_ns
        assert messages.wait(LONG_S).stamp_ns > woke_ns
    finally:
        messages.close()


def test_damaged_messages_are_dropped_and_nothing_else_is_an_error(publish):
    publisher = publish(lambda count: head_by_hand(count)[: None if count % 2 else -1])
    with OpenHlmCameras(head_config(publisher.address)) as cameras:
        for _ in range(5):
            assert_colour(cameras.capture()["head"].image, COLOURS[0])
    wrong = publish(wrists)
    with (
        pytest.raises(CorruptError, match=f"{wrong.address} sends no images of the kind that was expected: a head"),
        OpenHlmCameras(OpenHlmConfig(names=("head",), address=wrong.address, timeout_s=1.0)) as cameras,
    ):
        cameras.capture()


def test_a_publisher_that_is_not_there_is_one_line(publish):
    publisher = publish(lambda count: None)
    cameras = OpenHlmCameras(OpenHlmConfig(names=("head",), address=publisher.address, timeout_s=0.1))
    text = r"no image came from tcp://127\.0\.0\.1:\d+ for 0\.1 s\. Is the robot's camera server running"
    with cameras, pytest.raises(LostError, match=text):
        cameras.capture()


def test_a_publisher_that_ends_is_lost_and_its_successor_found(publish):
    first = publish(lambda count: pack_head(ImagePair(scene(count), scene(count))))
    config = OpenHlmConfig(names=("head",), address=first.address, timeout_s=0.5)
    delivery = DeliveryConfig(first_retry_s=0.05, longest_retry_s=0.2, nice=0)
    with CameraProcess("head camera", partial(OpenHlmCameras, config), ("head",), delivery, 60.0) as cameras:
        first.close()
        until_ns = CLOCK.now_ns() + 60_000_000_000
        while cameras.capture() and CLOCK.now_ns() < until_ns:
            CLOCK.wait_until(CLOCK.now_ns() + 10_000_000)
        assert not cameras.capture()
        publish(lambda count: pack_head(ImagePair(scene(count), scene(count))), first.port)
        while not cameras.capture() and CLOCK.now_ns() < until_ns:
            CLOCK.wait_until(CLOCK.now_ns() + 10_000_000)
        assert cameras.capture()["head"].image.shape == (48, 64, 3)


@pytest.mark.parametrize(("eye", "colour"), [("left", COLOURS[0]), ("right", COLOURS[1])])
def test_a_binocular_camera_of_teleimager_is_split(publish, answer, eye, colour):
    port = publish(lambda count: encode_jpeg(scene(count, width=128))).port
    listed = answer({"camera": {"stereo": {"enable_zmq": True, "zmq_port": port, "binocular": True}}})
    config = TeleimagerConfig(name="head", host="127.0.0.1", port=listed, topic="stereo", eye=eye, timeout_s=LONG_S)
    with TeleimagerCamera(config) as cameras:
        image = cameras.capture()["head"].image
    assert image.shape == (48, 64, 3)
    assert_colour(image, colour)


@pytest.mark.parametrize(
    ("document", "error", "text"),
    [
        ({"camera": {"left_wrist_camera": {}}}, UnknownNameError, "'head_camera'. Known: left_wrist_camera"),
        ({"camera": {"head_camera": {"enable_zmq": False, "zmq_port": 5}}}, InputError, "does not send 'head_camera'"),
        ({"camera": {"head_camera": {"enable_zmq": True, "zmq_port": "5"}}}, InputError, "set enable_zmq"),
        ({"cameras": {}}, CorruptError, "is no teleimager server"),
        ([], CorruptError, "is no teleimager server"),
        ({"camera": {"head_camera": 3}}, CorruptError, "a way that is not known"),
    ],
)
def test_a_server_that_lists_no_such_camera_is_one_line(answer, document, error, text):
    config = TeleimagerConfig(name="head", host="127.0.0.1", port=answer(document), timeout_s=LONG_S)
    with pytest.raises(error, match=text), TeleimagerCamera(config):
        pass


def test_a_host_that_cannot_be_one_is_one_line():
    config = TeleimagerConfig(name="head", host="a host", timeout_s=0.1)
    with pytest.raises(InputError, match="no teleimager server can be at 'a host', port 60000"):
        TeleimagerCamera(config).__enter__()


def test_no_teleimager_server_is_one_line():
    config = TeleimagerConfig(name="head", host="127.0.0.1", port=1, timeout_s=0.1)
    with (
        pytest.raises(LostError, match=r"no teleimager server answers at 127\.0\.0\.1, port 1"),
        TeleimagerCamera(config),
    ):
        pass


@pytest.mark.parametrize(
    "address", ["192.168.1.1:", "tcp://:5555", "tcp://a:b", "udp://a:5", "tcp://a:99999", "tcp://a"]
)
def test_addresses_that_no_publisher_has_are_refused(address):
    with pytest.raises(InputError, match="no address of a publisher"):
        OpenHlmConfig(names=("head",), address=address)


def test_a_host_alone_has_openhlms_ports():
    assert OpenHlmConfig(names=("head",)).address == "tcp://192.168.123.164:5555"
    assert OpenHlmConfig(names=WRISTS, address="localhost").address == "tcp://localhost:5554"
    assert OpenHlmConfig(names=WRISTS, address="localhost:7").address == "tcp://localhost:7"
    with pytest.raises(InputError, match="not 3 cameras"):
        OpenHlmConfig(names=("head", *WRISTS))
    with pytest.raises(InputError, match="not 'middle'"):
        OpenHlmConfig(names=("head",), eye="middle")
    with pytest.raises(InputError, match="not 'middle'"):
        TeleimagerConfig(name="head", eye="middle")
