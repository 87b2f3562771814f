"""Cameras in words."""

import pickle

import pytest

from hlm.cameras.config import SYNTAX, open_cameras, parse_cameras
from hlm.cameras.opencv import OpenCvCamera, OpenCvConfig
from hlm.cameras.openhlm import OpenHlmCameras, OpenHlmConfig
from hlm.cameras.realsense import RealSenseCamera, RealSenseConfig
from hlm.cameras.teleimager import TeleimagerCamera, TeleimagerConfig
from hlm.cameras.video_file import VideoFileCamera, VideoFileConfig
from hlm.core.errors import HlmError, InputError, UnknownNameError

KNOWN = ("head", "left_wrist", "right_wrist")
WRISTS = ("left_wrist", "right_wrist")


@pytest.mark.parametrize(
    ("word", "cameras", "config"),
    [
        ("head=opencv:/dev/video0", OpenCvCamera, OpenCvConfig(name="head", device="/dev/video0")),
        (
            "head=opencv:2,size=640x480,rate=60,fourcc=YUYV,latency_ms=40",
            OpenCvCamera,
            OpenCvConfig(
                name="head", device="/dev/video2", size=(480, 640), rate_hz=60.0, fourcc="YUYV", latency_s=0.04
            ),
        ),
        ("right_wrist=realsense", RealSenseCamera, RealSenseConfig(name="right_wrist")),
        ("head=realsense:0123", RealSenseCamera, RealSenseConfig(name="head", serial="0123")),
        ("head=openhlm", OpenHlmCameras, OpenHlmConfig(names=("head",), address="tcp://192.168.123.164:5555")),
        (
            "head=openhlm:tcp://10.0.0.1:7,eye=right,recorded_size=yes,timeout=0.5",
            OpenHlmCameras,
            OpenHlmConfig(names=("head",), address="tcp://10.0.0.1:7", eye="right", recorded_size=True, timeout_s=0.5),
        ),
        ("wrists=openhlm:10.0.0.1", OpenHlmCameras, OpenHlmConfig(names=WRISTS, address="tcp://10.0.0.1:5554")),
        (
            "right_wrist+left_wrist=openhlm:10.0.0.1:9",
            OpenHlmCameras,
            OpenHlmConfig(names=WRISTS[::-1], address="tcp://10.0.0.1:9"),
        ),
        (
            "head=teleimager:10.0.0.1,topic=stereo,port=7",
            TeleimagerCamera,
            TeleimagerConfig(name="head", host="10.0.0.1", topic="stereo", port=7),
        ),
        (
            "head=video:films/a=b.mp4,loop=no",
            VideoFileCamera,
            VideoFileConfig(name="head", path="films/a=b.mp4", loop=False),
        ),
    ],
)
def test_words_say_driver_place_and_options(word, cameras, config):
    (group,) = parse_cameras([word], KNOWN)
    assert group.make_cameras.func is cameras
    assert group.make_cameras.args == (config,)
    assert group.said == word
    assert pickle.loads(pickle.dumps(group)) == group or group.names  # it travels to its process


def test_checks_of_images_are_options_of_every_driver():
    (group,) = parse_cameras(["head=video:a.mp4,frozen=off,blank=0"], KNOWN)
    assert (group.delivery.checks.frozen_after_s, group.delivery.checks.blank_range) == (None, 0)
    (group,) = parse_cameras(["head=video:a.mp4,frozen=2"], KNOWN)
    assert group.delivery.checks.frozen_after_s == 2.0


def test_groups_are_one_set_of_cameras():
    groups = parse_cameras(["wrists=openhlm", "head=opencv:0"], KNOWN)
    assert open_cameras(groups).names == (*WRISTS, "head")


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (["head"], InputError, "'head' is no camera: say NAME=DRIVER:WHERE"),
        ([""], InputError, "is no camera"),
        (["=opencv:0"], InputError, "is no camera"),
        (
            ["hed=opencv:0"],
            UnknownNameError,
            "no camera 'hed'. Known: head, left_wrist, right_wrist. Did you mean 'head'",
        ),
        (["head=opencv"], InputError, "does not say where: opencv:DEVICE"),
        (["head=video:"], InputError, "does not say where: video:PATH"),
        (["head=cv:0"], UnknownNameError, "no camera driver 'cv'. Known: opencv, openhlm, realsense"),
        (["head=opencv:0,sise=1x1"], UnknownNameError, "no option of opencv cameras 'sise'.*Did you mean 'size'"),
        (["head=opencv:0,size=640"], InputError, "'size=640' .* is no value for size: a size is WIDTHxHEIGHT"),
        (["head=opencv:0,size=-3x4"], InputError, "no value for size"),
        (["head=opencv:0,rate=fast"], InputError, "no value for rate"),
        (["head=opencv:0,latency_ms=nan"], InputError, "no value for latency_ms"),
        (["head=openhlm,timeout=-1"], InputError, "no value for timeout"),
        (["head=video:a.mp4,loop=maybe"], InputError, "no value for loop"),
        (["wrists=realsense"], InputError, "realsense is one camera, not left_wrist and right_wrist"),
        (["head=openhlm:udp://a"], InputError, "no address of a publisher"),
        (["head=openhlm,eye=middle"], InputError, "not 'middle'"),
        (["head=opencv:0,frozen=0"], InputError, "more than 0 s"),
        (
            ["head=opencv:0", "head=openhlm"],
            InputError,
            "'head' is named twice in --cameras head=opencv:0 head=openhlm",
        ),
    ],
)
def test_words_that_say_nothing_are_one_line(words, error, text):
    with pytest.raises(error, match=text) as caught:
        parse_cameras(words, KNOWN)
    assert isinstance(caught.value, HlmError)
    assert "\n" not in str(caught.value)


def test_the_syntax_names_every_driver():
    assert [line.partition("=")[2].partition("[")[0] for line in SYNTAX.splitlines()] == [
        "opencv",
        "realsense",
        "openhlm",
        "teleimager",
        "video",
    ]
