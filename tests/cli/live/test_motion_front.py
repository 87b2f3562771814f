"""A motion that is recorded with nobody there, in a session of fakes; whatever happens, it ends."""

import io

import numpy as np
import pytest
from fakes import FakeRig
from rich.console import Console

from hlm.cli.live.fronts import Fronts, TerminalFront
from hlm.cli.live.live_session import LiveSession
from hlm.cli.live.motion_front import MotionFront
from hlm.cli.live.scenes import DrawnScenes, RealScene
from hlm.cli.record_live import _exit_code
from hlm.core.values import Reference
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.store.images import ImageFormat
from hlm.runtime.deployment import Ended
from hlm.teleop.session.conductor import Conductor
from hlm.teleop.session.session import SessionConfig
from hlm.teleop.session.takes import Takes

SPEC = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (16, 24)})
PATIENCE = 2000


class FakeMotion:
    """Ends after so many looks at it while it plays."""

    def __init__(self, looks=30):
        self.looks, self.left, self.plays = looks, looks, False

    def start(self):
        self.plays = True

    def stop(self):
        self.plays = False

    def rewind(self):
        self.left, self.plays = self.looks, False

    @property
    def has_ended(self):
        self.left -= self.plays
        return self.left <= 0


class FakePlayer:
    """Stands as the robot does, or with an arm that is `off_rad` away; implements `PersonSource`."""

    age_s = 0.0

    def __init__(self, off_rad=0.0, trouble=lambda: ""):
        self.off_rad, self.why, self.live = off_rad, trouble, None

    @property
    def trouble(self):
        return self.why()

    def hold(self):
        pass

    def follow(self):
        pass

    def reset(self, observation):
        self.held = np.array(observation.state, dtype=float)
        self.live = self.held.copy()
        self.live[1] += self.off_rad

    def reference(self, observation):
        return Reference(observation.stamp_ns, self.held)


class Impatient:
    """Ends what would never end; implements `Front`."""

    def __init__(self):
        self.looks = 0

    def show(self, moment):
        self.looks += 1
        assert self.looks < PATIENCE, "it never ends"

    def wishes(self):
        return ()


@pytest.fixture
def play(make_station, tmp_path):
    """Plays to the end; returns the session and what the terminal said."""

    def make(player, real=False, episodes=1, **chosen):
        station = make_station(**chosen, task=None) if real else make_station(**chosen)
        said = io.StringIO()
        screen = TerminalFront(Console(file=said, width=200))
        session = LiveSession(
            station=station,
            conductor=Conductor(player, SessionConfig(countdown_s=0.2, align_s=2.0)),
            takes=Takes(tmp_path / "played.zarr", SPEC, ImageFormat()),
            scenes=RealScene(("wave",)) if real else DrawnScenes(station.task, 0),
            front=Fronts(MotionFront(FakeMotion(), alone=True), screen, Impatient()),
            source="teleop",
            operator="motion",
            enough=episodes,
        )
        session.run()
        return session, said.getvalue()

    return make


def test_what_is_asked_for_is_recorded_without_a_label(play, tmp_path):
    session, _ = play(FakePlayer(), episodes=2)
    assert [episode.info.outcome for episode in open_dataset(tmp_path / "played.zarr")] == ["unlabelled"] * 2
    assert (session.ended, session.trouble) == (Ended.DONE, "")


@pytest.mark.parametrize("real", [False, True])
def test_a_robot_that_cannot_stand_as_the_first_frame_does_ends_it_and_the_limb_is_named(play, real):
    session, said = play(FakePlayer(off_rad=0.8), real=real)
    assert (session.ended, session.trouble) == (Ended.FAULT, "not recording: left arm 0.8 rad off")
    assert session.station.body.status.at_rest
    assert said.count("aligning\n") == 1, "one try"


def test_a_fault_before_the_first_step_is_not_tried_again(play):
    rig = FakeRig.make()
    looks = iter(range(PATIENCE))

    def trouble():
        rig.cameras.dead = next(looks) > 20
        return ""

    session, said = play(FakePlayer(off_rad=0.8, trouble=trouble), rig=rig)
    assert (session.ended, session.trouble) == (Ended.FAULT, "not recording: camera 'head' stopped delivering images")
    assert said.count("aligning\n") == 1, "one try"


@pytest.mark.parametrize("real", [False, True])
def test_a_fault_while_it_is_recorded_is_kept_and_the_robot_rests(play, real, tmp_path):
    rig = FakeRig.make()
    looks = iter(range(PATIENCE))

    def trouble():
        rig.cameras.dead = next(looks) > 40
        return ""

    session, _ = play(FakePlayer(trouble=trouble), real=real, rig=rig)
    (episode,) = open_dataset(tmp_path / "played.zarr")
    assert (episode.info.outcome, episode.info.fault) == ("unlabelled", "camera 'head' stopped delivering images")
    ended = (Ended.FAULT, "camera 'head' stopped delivering images") if real else (Ended.DONE, "")
    assert (session.ended, session.trouble) == ended


def test_a_motion_that_is_lost_ends_it_and_the_episode_is_kept(play, tmp_path):
    looks = iter(range(PATIENCE))
    session, _ = play(FakePlayer(trouble=lambda: "the file is gone" if next(looks) > 40 else ""), real=True)
    assert (session.ended, session.trouble) == (Ended.FAULT, "paused: the file is gone")
    (episode,) = open_dataset(tmp_path / "played.zarr")
    assert (episode.info.outcome, episode.info.fault) == ("unlabelled", "paused: the file is gone")


class Asked:
    """Requests to stop, of a signal that is known."""

    exit_code = 143


@pytest.mark.parametrize(
    ("ended", "stops", "code"),
    [
        (Ended.DONE, None, 0),
        (Ended.FAULT, None, 1),
        (Ended.STOPPED, None, 130),
        (Ended.FAULT, Asked(), 143),
        (Ended.STOPPED, Asked(), 143),
    ],
)
def test_the_exit_code_is_that_of_a_deployment(ended, stops, code):
    assert _exit_code(ended, stops) == code
