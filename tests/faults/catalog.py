"""Every fault that is driven, how, and what must come of it."""

from dataclasses import dataclass

from faults import flaws, streamed
from faults.deployed import kill, nothing, stop
from faults.station import Parts
from faults.streamed import StreamParts
from faults.surroundings import busy_cores, full_disk, served_policy, set_back_clock


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """A fault in simulated time: shipped policy, tracker, safety and world; the same at every run.

    Attributes:
        injected: how, in words.
        parts: what is wrong from two seconds after the start on.
        within_s: the body answers so soon; None: it need not, because the robot can go on.
        says: words in the line that says why.
    """

    injected: str
    parts: Parts
    within_s: float | None
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """A fault of a stream to SONIC, in simulated time; the same at every run.

    Attributes:
        injected: how, in words.
        parts: what is wrong from two seconds after the start on.
        within_s: the body answers so soon; None: it need not.
        says: words in the line that says why.
        headings: how often SONIC starts its heading.
    """

    injected: str
    parts: StreamParts
    within_s: float | None
    says: str = ""
    headings: int = 1


@dataclass(frozen=True, kw_only=True)
class RealTime:
    """A fault while `hlm deploy --robot mujoco` runs in real time.

    Attributes:
        injected: how, in words.
        inject: what happens two seconds after the robot was armed, given the processes by name.
        within_s: the body answers so soon; None: it need not.
        says: words in the line that says why.
        around: makes what has to be there, and gives options of `deployed`; None for nothing.
        seconds: of the episode.
    """

    injected: str
    inject: object
    within_s: float | None
    says: str = ""
    around: object = None
    seconds: float = 8.0


LOST = "the policy gave no chunk"
SIMULATED = {
    "nothing": Simulated(injected="for comparison", parts=Parts(), within_s=None),
    "camera hangs": Simulated(
        injected="the head's newest image stays, with its stamp",
        parts=Parts(images=flaws.frozen_with_its_stamp),
        within_s=0.2,
        says="input 'image_head' is 0.133 s old",
    ),
    "camera frozen": Simulated(
        injected="the head's image comes again and again with new stamps",
        parts=Parts(images=flaws.frozen_with_new_stamps),
        within_s=0.7,
        says="camera 'head' is frozen",
    ),
    "camera gone": Simulated(
        injected="the head delivers nothing", parts=Parts(images=flaws.gone), within_s=0.1, says="camera 'head' stopped"
    ),
    "camera driver fails": Simulated(
        injected="reading the cameras raises an error",
        parts=Parts(images=flaws.failing),
        within_s=0.1,
        says="the cameras failed",
    ),
    "camera black": Simulated(
        injected="the head sees noise of up to 3 levels of 255",
        parts=Parts(images=flaws.black),
        within_s=0.1,
        says="camera 'head' sees nothing",
    ),
    "cameras swapped": Simulated(
        injected="head and right wrist change places",
        parts=Parts(images=flaws.swapped),
        within_s=0.1,
        says="have changed places",
    ),
    "policy slow": Simulated(injected="chunks take 1.2 s in place of 0.1 s", parts=Parts(slow_s=1.2), within_s=None),
    "policy hangs": Simulated(
        injected="no chunk ever comes", parts=Parts(slow_s=1e6), within_s=4.0, says="it does not answer"
    ),
    "policy fails": Simulated(
        injected="every request fails", parts=Parts(chunk=flaws.lost("out of memory")), within_s=4.0, says=LOST
    ),
    "policy lies: not a number": Simulated(
        injected="an elbow's angle is NaN from action 20 on",
        parts=Parts(chunk=flaws.not_numbers),
        within_s=1.5,
        says="not a number in left_elbow",
    ),
    "policy lies: wrong shape": Simulated(
        injected="chunks of 50 x 33", parts=Parts(chunk=flaws.wrong_shape), within_s=4.0, says="must have shape"
    ),
    "policy lies: huge": Simulated(
        injected="actions times a million", parts=Parts(chunk=flaws.huge), within_s=1.0, says="far outside of"
    ),
    "policy jumps": Simulated(
        injected="every second action is up to 1 rad off, in each dimension",
        parts=Parts(chunk=flaws.jumping),
        within_s=None,
    ),
    "state hangs": Simulated(
        injected="the newest measurement stays, with its stamp",
        parts=Parts(state=flaws.old_state),
        within_s=0.12,
        says="measurement is 0.110 s old",
    ),
    "state frozen": Simulated(
        injected="the measurement comes again and again with new stamps",
        parts=Parts(state=flaws.repeated_state),
        within_s=0.12,
        says="repeats the same measurement",
    ),
    "robot mute": Simulated(
        injected="reading the robot raises a time-out",
        parts=Parts(state=flaws.mute),
        within_s=0.02,
        says="cannot be read",
    ),
    "encoder broken": Simulated(
        injected="a knee's angle is NaN",
        parts=Parts(state=flaws.broken_encoder),
        within_s=0.02,
        says="not a number in left_knee",
    ),
    "motor hot": Simulated(
        injected="a knee's motor measures 140 °C", parts=Parts(state=flaws.hot), within_s=0.02, says="left_knee"
    ),
    "motor fails": Simulated(
        injected="a knee's motor reports fault 4",
        parts=Parts(state=flaws.faulty),
        within_s=0.02,
        says="left_knee reports fault 4",
    ),
    "inertial unit wrong": Simulated(
        injected="the torso's unit says that it pitches by 1.2 rad",
        parts=Parts(state=flaws.torso_lies),
        within_s=0.15,
        says="inertial units of pelvis and torso disagree",
    ),
    "robot pushed": Simulated(
        injected="100 N forward at the pelvis for 0.2 s", parts=Parts(push_n=100.0), within_s=None
    ),
    "robot pushed over": Simulated(
        injected="500 N backward at the pelvis for 0.5 s",
        parts=Parts(push_n=-500.0, push_s=0.5),
        within_s=0.5,
        says="have lost the ground",
    ),
}

STREAMED = {
    "SONIC: nothing": Streamed(injected="for comparison", parts=StreamParts(), within_s=None),
    "SONIC: references end": Streamed(
        injected="no reference comes any more",
        parts=StreamParts(reference=lambda vector: None),
        within_s=0.6,
        says="no reference has come for 0.5",
    ),
    "SONIC: reference lies": Streamed(
        injected="an elbow's angle is NaN",
        parts=StreamParts(reference=streamed.without_elbow),
        within_s=0.1,
        says="not a number in left_elbow",
    ),
    "SONIC: message lost": Streamed(injected="one message to SONIC is lost", parts=StreamParts(lost=1), within_s=None),
    "SONIC: messages lost": Streamed(
        injected="three messages to SONIC in a row are lost",
        parts=StreamParts(lost=3),
        within_s=0.2,
        says="SONIC has started its heading again",
        headings=2,
    ),
    "SONIC: state gone": Streamed(
        injected="no measurement comes any more",
        parts=StreamParts(said=streamed.mute),
        within_s=0.6,
        says="measurement is 0.5",
    ),
    "SONIC: state hangs": Streamed(
        injected="the same message comes again and again, with its count",
        parts=StreamParts(said=streamed.standing_still),
        within_s=0.6,
        says="measurement is 0.5",
    ),
    "SONIC: state frozen": Streamed(
        injected="the same numbers come again and again with new counts",
        parts=StreamParts(said=streamed.repeated),
        within_s=0.2,
        says="repeats the same measurement",
    ),
    "SONIC: state damaged": Streamed(
        injected="half of each message arrives",
        parts=StreamParts(said=streamed.damaged),
        within_s=0.2,
        says="'g1_debug' cannot be read",
    ),
    "SONIC: encoder broken": Streamed(
        injected="a knee's angle is NaN",
        parts=StreamParts(said=streamed.not_a_number),
        within_s=0.2,
        says="body_q_measured must be 29 finite numbers",
    ),
    "SONIC: motor hot": Streamed(
        injected="a knee's motor measures 95 °C",
        parts=StreamParts(said=streamed.hot),
        within_s=0.1,
        says="left_knee has 95 C",
    ),
    "SONIC: robot tilts": Streamed(
        injected="the pelvis is tilted by 1.2 rad",
        parts=StreamParts(said=streamed.tilted),
        within_s=0.1,
        says="tilted by 1.200 rad",
    ),
}

REAL_TIME = {
    "policy killed": RealTime(
        injected="SIGKILL", inject=kill("policy"), within_s=6.0, says="policy process was killed"
    ),
    "policy halted": RealTime(injected="SIGSTOP", inject=stop("policy"), within_s=8.0, says=LOST),
    "network cut": RealTime(
        injected="the server of the policy is killed",
        inject=nothing,
        within_s=8.0,
        says=LOST,
        around=served_policy,
    ),
    "cameras killed": RealTime(injected="SIGKILL", inject=kill("cameras"), within_s=1.0, says="process was killed"),
    "cameras halted": RealTime(injected="SIGSTOP", inject=stop("cameras"), within_s=1.5, says=""),
    "recorder killed": RealTime(
        injected="SIGKILL", inject=kill("recorder"), within_s=1.0, says="recorder process was killed"
    ),
    "disk full": RealTime(
        injected="another program fills the file system", inject=nothing, within_s=None, around=full_disk
    ),
    "body killed": RealTime(injected="SIGKILL", inject=kill("body"), within_s=None, says="the guard brakes"),
    "guard killed": RealTime(injected="SIGKILL", inject=kill("guard"), within_s=1.0, says="guard process was killed"),
    "robot halted": RealTime(
        injected="SIGSTOP of the world for 1 s", inject=stop("simulation", 1.0), within_s=0.5, says="old"
    ),
    "robot gone": RealTime(injected="SIGKILL of the world", inject=kill("simulation"), within_s=1.0),
    "main process killed": RealTime(injected="SIGKILL", inject=kill("main"), within_s=None),
    "both cores busy": RealTime(
        injected="four processes that compute without pause for 5 s", inject=busy_cores, within_s=None
    ),
    "time set back": RealTime(
        injected="the wall clock jumps back by an hour", inject=nothing, within_s=None, around=set_back_clock
    ),
}
