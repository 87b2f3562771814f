"""A recording session of fakes: a person whose presses are known by step, on a robot that obeys at once."""

from threading import Event

import numpy as np
import pytest
from fakes import FakeRig

from hlm.cli.live.errands import Errands
from hlm.cli.live.front import Choose, Delete, GiveUp, Leave, Redo, Relabel
from hlm.cli.live.live_session import LiveSession
from hlm.cli.live.scenes import DrawnScenes, RealScene
from hlm.core.body import BodyState, BodyStatus
from hlm.core.proprioception import measured_state
from hlm.core.task import Progress
from hlm.core.values import Reference
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.store.images import ImageFormat
from hlm.datasets.verify import verify
from hlm.runtime.deployment import Ended
from hlm.teleop.devices.device import Button
from hlm.teleop.session.conductor import Conductor
from hlm.teleop.session.session import SessionConfig, SessionState
from hlm.teleop.session.takes import Takes

SPEC = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (16, 24)})


class FakePerson:
    """Moves one joint slowly; implements `hlm.teleop.person.PersonSource`."""

    trouble, age_s = "", 0.0

    def __init__(self):
        self.following, self.live = False, None

    def hold(self):
        self.following = False

    def follow(self):
        self.following = True

    def reset(self, observation):
        self.held = np.array(observation.state, dtype=float)
        self.live = self.held

    def reference(self, observation):
        if self.following:
            self.held = self.held.copy()
            self.held[8] += 0.002
            self.live = self.held
        return Reference(observation.stamp_ns, self.held)


class Script:
    """Asks for what is written by the number of the look; implements `Front`; remembers what was shown."""

    def __init__(self, wishes, last=400):
        self.script, self.last = dict(wishes), last
        self.shown, self.states = [], []

    def show(self, moment):
        self.shown.append(moment)
        self.states.append(self.conductor.session.state)

    def wishes(self):
        look = len(self.shown)
        if look > self.last:
            raise KeyboardInterrupt
        wished = self.script.get(look, ())
        return wished if isinstance(wished, tuple) and not hasattr(wished, "_fields") else (wished,)


class Hangs:
    """A body that hangs until it was looked at for `looks` times, or stopped."""

    def __init__(self, body, looks):
        self._body, self._looks, self.stopped = body, looks, []

    def __getattr__(self, name):
        return getattr(self._body, name)

    @property
    def status(self):
        self._looks -= 1
        if self._looks == 0:
            self._body.reset()  # its feet carry it
        return BodyStatus(BodyState.HANGING) if self._looks > 0 else self._body.status

    def advance(self, until_ns):
        if self._looks <= 0:
            self._body.advance(until_ns)

    def stop(self, fault):
        self.stopped.append(fault)
        self._looks = 0
        self._body.stop(fault)


@pytest.fixture
def run(make_station, tmp_path):
    """Runs a session of some wishes; returns it, ended by its script or by enough episodes."""

    def make(wishes, enough=None, last=400, instructions=(), real=(), watches=None, hangs=0, beside=False, **chosen):
        station = make_station(**chosen)
        station.body = Hangs(station.body, hangs) if hangs else station.body
        conductor = Conductor(FakePerson(), SessionConfig(countdown_s=0.5))
        front = Script(wishes, last)
        front.conductor = conductor
        takes = Takes(tmp_path / "demos.zarr", SPEC, ImageFormat())
        session = LiveSession(
            station=station,
            conductor=conductor,
            takes=takes,
            scenes=RealScene(real) if real else DrawnScenes(station.task, 4, instructions),
            front=front,
            source="teleop",
            operator="page",
            enough=enough,
            watches=watches or {},
            hang=(lambda: None) if hangs else None,
            errands=Errands(beside=beside),
        )
        session.front_script, session.path = front, takes.path
        try:
            session.run()
        except KeyboardInterrupt:
            takes.close()
        return session

    return make


@pytest.fixture
def prompt(monkeypatch):
    """What is done beside the loop is done by the next step, however busy the machine is."""
    settle = Errands.settle

    def waited(errands):
        if errands.busy:
            errands._work.exception()
        settle(errands)

    monkeypatch.setattr(Errands, "settle", waited)


def test_an_episode_is_what_happened_between_the_buttons(run):
    session = run(
        {5: Button.RECORD, 60: Button.RECORD, 70: Button.SUCCESS}, enough=1, script=lambda seed, step: Progress(stage=1)
    )
    (episode,) = open_dataset(session.path)
    states = session.front_script.states
    assert len(episode) == states.count(SessionState.RECORDING) + 1, "and the step at which the button was pressed"
    assert (episode.info.outcome, episode.info.stage, episode.info.seed) == ("success", 1, 4)
    assert episode.info.source == "teleop"
    assert episode.info.extra["scored"] == "failure", "the task's own scoring did not agree"
    assert verify(session.path) == []
    assert SessionState.REVIEW in states


def test_the_actions_are_what_the_robot_was_sent(run):
    session = run({5: Button.RECORD, 60: Button.SUCCESS}, enough=1)
    (episode,) = open_dataset(session.path)
    moved = np.diff(episode.action[:, 8])
    np.testing.assert_allclose(moved, 0.002, atol=1e-6)


def test_what_a_person_asks_beyond_the_limits_is_recorded_as_it_was_sent(run, monkeypatch):
    """A hand that jumps by a radian and back."""
    rig, asked = FakeRig.make(), []
    follow = FakePerson.reference

    def jumps(person, observation):
        vector = follow(person, observation).vector.copy()
        vector[8] += 1.0 if 35 <= len(asked) < 45 else 0.0
        asked.append(vector)
        return Reference(observation.stamp_ns, vector)

    monkeypatch.setattr(FakePerson, "reference", jumps)
    session = run({5: Button.RECORD, 60: Button.SUCCESS}, last=62, rig=rig, real=("take it",), task=None)
    (episode,) = open_dataset(session.path)
    got = {reference.stamp_ns: reference.vector for reference in rig.tracker.pushed}
    sent = np.array([got[stamp_ns] for stamp_ns in episode.stamp_ns.tolist()], np.float32)
    np.testing.assert_array_equal(episode.action, sent)
    first = list(got).index(int(episode.stamp_ns[0]))
    assert np.abs(episode.action[:, 8] - np.array(asked)[first : first + len(episode), 8]).max() > 0.5


def test_a_discarded_episode_is_done_again_in_the_same_scene(run):
    session = run({5: Button.RECORD, 60: Button.DISCARD, 70: Button.RECORD, 120: Button.FAILURE}, enough=1)
    (episode,) = open_dataset(session.path)
    assert (episode.info.outcome, episode.info.seed) == ("failure", 4)
    assert session.station.task.resets[-2:] == [4, 4]


def test_kept_episodes_go_on_to_the_next_scene(run):
    session = run({5: Button.RECORD, 60: Button.SUCCESS, 70: Button.RECORD, 130: Button.SUCCESS}, enough=2)
    assert [episode.info.seed for episode in open_dataset(session.path)] == [4, 5]


def test_a_pause_is_not_recorded(run):
    session = run({5: Button.RECORD, 60: Button.ENGAGE, 90: Button.ENGAGE, 120: Button.SUCCESS}, enough=1)
    (episode,) = open_dataset(session.path)
    states = session.front_script.states
    assert len(episode) == states.count(SessionState.RECORDING) + 1, "and the step at which the button was pressed"
    assert states.count(SessionState.PAUSED) >= 29
    ((paused_ns, resumed_ns),) = episode.info.extra["pauses_ns"]
    assert resumed_ns - paused_ns == pytest.approx(30 / 30.0 * 1e9, abs=5e7)
    assert verify(session.path) == []


def test_a_robot_that_stops_following_is_reviewed_and_tells_why(run):
    rig = FakeRig.make()

    def breaks(seed, step):
        rig.robot.broken = OSError("no answer") if step > 10 else None
        return Progress()

    session = run({5: Button.RECORD, 150: Button.FAILURE}, enough=1, script=breaks, rig=rig)
    (episode,) = open_dataset(session.path)
    assert episode.info.outcome == "failure"
    assert "no answer" in episode.info.fault
    assert session.front_script.states[-2] is SessionState.REVIEW
    assert "no answer" in session.front_script.shown[-2].fault


def test_what_a_task_calls_a_fall_does_not_end_a_persons_episode(run):
    """A deep stoop looks like one."""
    session = run({5: Button.RECORD, 60: Button.SUCCESS}, enough=1, script=lambda seed, step: Progress(fell=step > 5))
    (episode,) = open_dataset(session.path)
    assert (len(episode) > 30, episode.info.fault, episode.info.extra["scored"]) == (True, "", "failure")


def test_stop_stops_the_robot_and_the_episode_waits_for_its_verdict(run):
    session = run({5: Button.RECORD, 60: Button.STOP, 90: Button.DISCARD}, last=200)
    assert not session.path.exists() or session.takes.kept() == ()
    assert "stopped by the person" in {moment.fault for moment in session.front_script.shown}


def test_while_the_robot_comes_to_rest_the_person_sees_it_as_it_is(run):
    session = run({5: Button.ENGAGE, 30: Button.STOP}, last=60)
    stamps_ns = [moment.step.observation.stamp_ns for moment in session.front_script.shown[1:]]
    assert (np.diff(stamps_ns) > 0).all()
    assert all(age_s < 0.1 for age_s in session.front_script.shown[-1].step.age_s.values())


def test_after_a_stop_the_robot_waits_until_the_person_goes_on(run):
    session = run({5: Button.ENGAGE, 30: Button.STOP, 250: Button.ENGAGE}, last=300)
    resets = session.station.task.resets
    assert resets == [4, 4, 4], "drawn for the first look, and for each of the two times that the robot stood"
    assert session.front_script.states[-1] is SessionState.IDLE


def test_the_instruction_can_be_chosen_and_reworded(run):
    session = run(
        {
            2: Choose("take blue"),
            5: Button.RECORD,
            60: Button.SUCCESS,
            65: Choose("grab it"),
            70: Button.RECORD,
            130: Button.SUCCESS,
        },
        enough=2,
    )
    first, second = open_dataset(session.path)
    assert (first.info.instruction, first.info.seed) == ("take blue", 5)
    assert (second.info.instruction, second.info.seed, second.info.candidate) == ("grab it", 6, 0)


def test_instructions_of_a_list_come_one_after_the_other(run):
    session = run(
        {5: Button.RECORD, 60: Button.SUCCESS, 70: Button.RECORD, 130: Button.SUCCESS},
        enough=2,
        instructions=("take blue", "grab it"),
    )
    assert [episode.info.instruction for episode in open_dataset(session.path)] == ["take blue", "grab it"]


def test_kept_episodes_are_edited_between_two_and_not_while_one_is_open(run):
    session = run(
        {
            5: Button.RECORD,
            60: Button.SUCCESS,
            65: Relabel("episode_000000", "take it", "failure"),
            70: Button.RECORD,
            100: Delete("episode_000000"),
            130: Button.DISCARD,
        },
        last=140,
    )
    (episode,) = open_dataset(session.path)
    assert (episode.info.instruction, episode.info.outcome) == ("take it", "failure")
    assert "an episode is being recorded; end it first" in {
        moment.message.rstrip(".") for moment in session.front_script.shown
    }


def test_the_last_one_can_be_redone(run):
    session = run({5: Button.RECORD, 60: Button.SUCCESS, 70: Redo(), 75: Button.RECORD, 140: Button.FAILURE}, last=150)
    (episode,) = open_dataset(session.path)
    assert (episode.info.seed, episode.info.outcome) == (4, "failure")
    assert session.kept == 1


def test_a_camera_that_is_lost_ends_the_episode_and_the_person_is_told(run):
    rig = FakeRig.make()

    def dies(seed, step):
        rig.cameras.dead = step >= 20
        return Progress()

    session = run({5: Button.RECORD, 150: Button.FAILURE}, enough=1, script=dies, rig=rig)
    (episode,) = open_dataset(session.path)
    assert episode.info.fault == "camera 'head' stopped delivering images"
    assert len(episode) == 21


def test_states_are_those_of_the_robot(run):
    session = run({5: Button.RECORD, 60: Button.SUCCESS}, enough=1)
    (episode,) = open_dataset(session.path)
    expected, _ = measured_state(session.station.body.read(), None)
    assert episode.state.shape == (len(episode), 34)
    np.testing.assert_allclose(episode.state[-1][:8], expected[:8], atol=1e-6)


def test_before_a_real_robot_nothing_is_drawn_and_it_goes_on_standing(run):
    session = run(
        {5: Button.RECORD, 60: Button.SUCCESS, 65: Choose("wipe the table"), 70: Button.RECORD, 130: Button.SUCCESS},
        enough=2,
        real=("take the cup", "fold the towel"),
        task=None,
    )
    first, second = open_dataset(session.path)
    assert [first.info.instruction, second.info.instruction] == ["take the cup", "wipe the table"]
    assert [first.info.outcome, first.info.seed, first.info.stage] == ["success", None, None]
    assert second.stamp_ns[0] > first.stamp_ns[-1], "one clock, that nobody put back"
    assert SessionState.REVIEW not in session.front_script.states


def test_a_real_robot_that_was_stopped_ends_the_session_when_it_rests(run):
    session = run(
        {5: Button.RECORD, 60: Button.STOP, 70: Button.STOP, 100: Button.FAILURE}, real=("take it",), task=None
    )
    (episode,) = open_dataset(session.path)
    assert episode.info.fault == "stopped by the person"
    assert session.station.body.status.at_rest


def test_what_the_robot_needs_is_watched(run):
    gone = iter([""] * 30 + ["the simulation is gone"] * 1000)
    session = run({2: Button.ENGAGE}, last=60, watches={"simulation": lambda: next(gone)})
    assert "the simulation is gone" in {moment.fault for moment in session.front_script.shown}


def test_before_a_real_robot_a_person_is_told_what_comes_of_a_fault(run):
    gone = iter([""] * 40 + ["camera 'head' stopped"] * 1000)
    wishes = {5: Button.RECORD, 90: Button.FAILURE}
    session = run(wishes, real=("take it",), task=None, watches={"camera": lambda: next(gone)})
    told = [moment.message for moment in session.front_script.shown]
    assert told[80] == "camera 'head' stopped; say what becomes of the episode; the session ends once the robot rests"
    assert len(told) < 400, "and so it did"


@pytest.mark.parametrize("beside", [False, True])
def test_who_leaves_keeps_the_open_episode_and_the_session_ends_once_the_robot_rests(run, beside):
    wishes = {5: Button.RECORD, 60: Leave("its terminal was closed (SIGHUP)")}
    session = run(wishes, real=("take it",), task=None, beside=beside)
    (episode,) = open_dataset(session.path)
    assert (episode.info.outcome, episode.info.fault) == ("unlabelled", "its terminal was closed (SIGHUP)")
    assert session.station.body.status.at_rest
    assert len(session.front_script.shown) < 400, "it ended by itself"


def test_who_leaves_again_lets_the_robot_brake_at_once(run):
    once = run({5: Leave("Ctrl+C")}, real=("take it",), task=None)
    twice = run({5: Leave("Ctrl+C"), 8: Leave("Ctrl+C")}, real=("take it",), task=None)
    assert once.station.body.status.at_rest
    assert len(twice.front_script.shown) < len(once.front_script.shown)


def test_a_disk_that_is_slow_does_not_stop_the_loop_before_a_robot(run, monkeypatch):
    steps, end, show = Event(), Takes.end, Script.show

    def slow(takes, verdict, ending):
        assert steps.wait(20.0)
        return end(takes, verdict, ending)

    def shown(script, moment):
        show(script, moment)
        if len(script.shown) >= 100:
            steps.set()

    monkeypatch.setattr(Takes, "end", slow)
    monkeypatch.setattr(Script, "show", shown)
    wishes = {5: Button.RECORD, 60: Button.SUCCESS, 70: Delete("episode_000000")}
    session = run(wishes, enough=1, last=10**6, real=("take it",), task=None, beside=True)
    told = {moment.message for moment in session.front_script.shown}
    assert "the episode before is still being written; ask again in a moment." in told
    (episode,) = open_dataset(session.path)
    assert len(episode) == session.front_script.states.count(SessionState.RECORDING) + 1


def test_a_robot_that_hangs_is_let_down_before_anything_is_followed(run):
    """A record button that is pressed meanwhile means nothing."""
    wishes = {2: Button.RECORD, 60: Button.RECORD, 120: Button.SUCCESS}
    session = run(wishes, enough=1, real=("take it",), task=None, hangs=40)
    assert "the robot hangs" in session.front_script.shown[0].message
    assert session.front_script.shown[0].step is None
    assert SessionState.RECORDING not in session.front_script.states[:60]
    assert len(open_dataset(session.path)) == 1


def test_a_robot_that_hangs_can_be_stopped(run):
    session = run({5: Leave("Ctrl+C")}, real=("take it",), task=None, hangs=10**6)
    assert session.station.body.stopped == ["Ctrl+C"]


@pytest.mark.parametrize("twice", [(Leave("Ctrl+C"), Leave("Ctrl+C")), (Button.STOP, Button.STOP)])
def test_two_stops_in_one_step_are_two(run, twice):
    once = run({5: twice[0]}, real=("take it",), task=None)
    both = run({5: twice}, real=("take it",), task=None)
    later = run({5: twice[0], 8: twice[0]}, real=("take it",), task=None)
    assert len(both.front_script.shown) <= len(later.front_script.shown) < len(once.front_script.shown)


@pytest.mark.parametrize("asked", [Delete("episode_000000"), Relabel("episode_000000", "take it", None), Redo()])
def test_what_is_asked_of_kept_episodes_while_one_is_recorded_costs_no_step(run, prompt, asked):
    wishes = {5: Button.RECORD, 60: Button.SUCCESS, 90: Button.RECORD, 130: asked, 160: Button.FAILURE}
    session = run(wishes, enough=2, real=("take it",), task=None, beside=True)
    assert "an episode is being recorded; end it first." in {moment.message for moment in session.front_script.shown}
    assert [episode.info.outcome for episode in open_dataset(session.path)] == ["success", "failure"]
    assert verify(session.path) == []


def test_a_verdict_counts_that_comes_with_a_wish_that_is_refused(run, prompt):
    wishes = {5: Button.RECORD, 60: Button.SUCCESS, 90: Button.RECORD, 130: (Delete("episode_000000"), Button.FAILURE)}
    session = run(wishes, enough=2, real=("take it",), task=None, beside=True)
    assert [episode.info.outcome for episode in open_dataset(session.path)] == ["success", "failure"]


@pytest.mark.parametrize("beside", [False, True])
def test_a_deleted_episode_does_not_count_and_one_of_another_session_never_did(run, prompt, beside):
    run({5: Button.RECORD, 60: Button.SUCCESS}, enough=1)
    wishes = {5: Button.RECORD, 60: Button.SUCCESS}
    wishes |= {90: Delete("episode_000000"), 120: Button.RECORD, 180: Button.FAILURE, 210: Delete("episode_000002")}
    wishes |= {240: Button.RECORD, 300: Button.SUCCESS}
    session = run(wishes, enough=3, last=310, beside=beside)
    assert [episode.info.outcome for episode in open_dataset(session.path)] == ["success", "success"]
    assert session.kept == 2


def test_that_an_episode_waits_for_the_one_before_is_said_until_it_does_not(run, monkeypatch):
    steps, end, show = Event(), Takes.end, Script.show

    def slow(takes, verdict, ending):
        assert steps.wait(20.0)
        return end(takes, verdict, ending)

    def shown(script, moment):
        show(script, moment)
        if script.states.count(SessionState.RECORDING) >= 50:
            if steps.is_set() and (moment.recorded or 0) > 20:
                script.script[len(script.shown)] = Button.FAILURE  # of the second one, whenever it begins
            steps.set()

    monkeypatch.setattr(Takes, "end", slow)
    monkeypatch.setattr(Script, "show", shown)
    wishes = {5: Button.RECORD, 60: Button.SUCCESS, 62: Button.RECORD, 64: Redo()}
    session = run(wishes, enough=2, last=10**5, real=("take it",), task=None, beside=True)
    late = "not recorded yet: the episode before is still being written"
    moments = session.front_script.shown
    assert late in {moment.message for moment in moments}
    assert {moment.message for moment in moments if moment.recorded} == {""}


def test_who_ended_a_session_before_a_robot_is_known(run):
    rig = FakeRig.make()
    gone = iter([""] * 20 + ["the cable is out"] * 1000)
    broken = run({2: Button.ENGAGE}, real=("take it",), task=None, rig=rig, watches={"cable": lambda: next(gone)})
    assert (broken.ended, broken.trouble) == (Ended.FAULT, "the cable is out")
    stopped = run({5: Button.STOP}, real=("take it",), task=None)
    assert (stopped.ended, stopped.trouble) == (Ended.STOPPED, "")
    left = run({5: Leave("Ctrl+C")}, real=("take it",), task=None)
    assert (left.ended, left.trouble) == (Ended.STOPPED, "")
    done = run({5: Button.RECORD, 60: Button.SUCCESS}, enough=1, real=("take it",), task=None)
    assert (done.ended, done.trouble) == (Ended.DONE, "")


def test_a_verdict_of_one_who_leaves_does_not_cut_the_rest_short(run):
    left = run({5: Button.RECORD, 60: Leave("Ctrl+C")})
    judged = run({5: Button.RECORD, 60: Leave("Ctrl+C"), 64: Button.FAILURE})
    assert [episode.info.outcome for episode in open_dataset(judged.path)] == ["unlabelled", "failure"]
    assert judged.ended is Ended.STOPPED
    assert len(judged.front_script.shown) == len(left.front_script.shown)


def test_who_leaves_after_a_fault_gets_no_other_scene(run):
    gone = iter([""] * 20 + ["the cable is out"] * 1000)
    session = run({2: Button.ENGAGE, 25: Leave("Ctrl+C")}, watches={"cable": lambda: next(gone)})
    assert session.ended is Ended.STOPPED
    assert session.station.task.resets == [4, 4], "drawn for the first look, and when the robot stood"


def test_what_cannot_be_done_ends_the_session_in_trouble_and_the_robot_crouches_first(run):
    left = run({5: Leave("Ctrl+C")}, real=("take it",), task=None)
    given_up = run(dict.fromkeys(range(5, 400), GiveUp("no way")), real=("take it",), task=None)
    assert (given_up.ended, given_up.trouble) == (Ended.FAULT, "no way")
    assert len(given_up.front_script.shown) == len(left.front_script.shown), "asked again, it does not brake at once"
