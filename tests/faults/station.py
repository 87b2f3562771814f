"""One fault on one robot: the shipped policy, the real tracker, the safety and the world, in simulated time."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from faults.flaws import AskedElsewhere, FlawedCameras, FlawedPolicy, FlawedRobot, Pushes

from hlm.cli.sources import EMBODIMENT, LocalPolicy, open_policy
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.clock import NS_PER_S
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.verify import verify
from hlm.datasets.writer import DatasetWriter
from hlm.runtime.bodies.lockstep import LockstepBody
from hlm.runtime.chunks.schedulers import Asynchronous, ChunkConfig
from hlm.runtime.chunks.source import ChunkSource
from hlm.runtime.recording import record
from hlm.runtime.station import Station
from hlm.sim.cameras import SimulatedCameras
from hlm.sim.tasks.catalog import make_task

CHECKPOINT = Path(__file__).parents[2] / "policies" / "shipped" / "shelf_cup_transfer"
TASK, SEED = "shelf_cup_transfer", 100003
# The robot has begun to squat by then.
FAULT_NS = 2 * NS_PER_S
# Hold, crouch, and a second of lying.
LONGEST_S = 10.0
UPRIGHT = 0.7  # cosine of the tilt
EPISODE_S = 6.0


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What is wrong, part by part; nothing by default."""

    images: object = lambda frames, good: frames
    state: object = lambda state, good: state
    chunk: object = lambda chunk: chunk
    slow_s: float = 0.1
    push_n: float = 0.0
    push_s: float = 0.2
    gap_s: float = 0.0


@dataclass
class Course:
    """What the robot did.

    Attributes:
        fault: why the body stopped following references, at the end of the episode; empty if it went on.
        states: after the fault was injected, each new state of the body and seconds since the injection.
        reaction_s: from the injection to the first joint command of another state; None without one.
        braking_s: from the injection to the first command that only brakes; None without one.
        fell_s: from the injection to when the pelvis is tilted by more than 45 degrees; None if never.
        height_m: of the pelvis at the end.
        steps: of the recorded episode.
        recorded: the episode's own account of its fault; None without an episode.
        problems: what verification finds in the dataset.
    """

    fault: str = ""
    states: list = field(default_factory=list)
    reaction_s: float | None = None
    braking_s: float | None = None
    fell_s: float | None = None
    height_m: float = 0.0
    steps: int = 0
    recorded: str | None = None
    outcome: str = ""
    problems: list = field(default_factory=list)

    @property
    def answer_s(self):
        """From the fault to the first command of a body that does not follow references because of it; None if none."""
        return self.reaction_s if self.fault else None

    @property
    def answer(self):
        """The states that the body went through."""
        names = [state.value for state, _ in self.states if state.value not in ("arming", "running")]
        return ", ".join(names) if self.fault else "goes on"

    @property
    def end(self):
        """How it ended."""
        pose = f"pelvis {self.height_m:.2f} m high, " + ("upright" if self.fell_s is None else "fallen over")
        if not self.fault:
            return pose
        return f"brakes from {self.braking_s:.1f} s on; {pose}" if self.braking_s is not None else f"unbraked; {pose}"


class Watch:
    """Looks at the robot at each command of its body."""

    def __init__(self, course, task, body):
        self.course, self.task, self.body = course, task, body

    def __call__(self):
        since_s = (self.task.world.now_ns() - FAULT_NS) / NS_PER_S
        if since_s < 0.0:
            return
        course, status, robot = self.course, self.body.status, self.task.robot
        if not course.states or course.states[-1][0] is not status.state:
            course.states.append((status.state, since_s))
        if course.reaction_s is None and not status.tracking:
            course.reaction_s = since_s
        if course.braking_s is None and status.braking:
            course.braking_s = since_s
        if course.fell_s is None and robot.pelvis_uprightness() < UPRIGHT:
            course.fell_s = since_s


class Pausing:
    """A source that lets time pass without a step of the body, as a process does that gets no processor, and that ends.

    It stands for a loop and a body in one thread; in real time they are two processes.
    """

    def __init__(self, source, world, gap_s):
        self.source, self.world, self.gap_s = source, world, gap_s

    def reset(self, observation):
        self.source.reset(observation)

    def reference(self, observation):
        now_ns = self.world.now_ns()
        if now_ns >= EPISODE_S * NS_PER_S:
            return None
        if self.gap_s and now_ns >= FAULT_NS:
            self.world.wait_until(now_ns + round(self.gap_s * NS_PER_S))
            self.gap_s = 0.0
        return self.source.reference(observation)


def course_of(parts, folder):
    """What becomes of the robot when these parts fail two seconds after the start.

    Args:
        parts: what is wrong.
        folder: an empty folder to record into.
    """
    task = make_task(TASK, EMBODIMENT)
    world, course = task.world, Course()
    local = LocalPolicy(checkpoint=CHECKPOINT)
    with ExitStack() as stack:
        policy = stack.enter_context(open_policy(local))
        cameras = SimulatedCameras(world, policy.spec.cameras, *policy.spec.image_size)
        robot = FlawedRobot(task.robot, world, FAULT_NS, parts.state)
        if parts.push_n:
            robot = FlawedRobot(Pushes(task.robot, world, parts.push_n, parts.push_s, FAULT_NS), world, FAULT_NS)
        body = LockstepBody(robot, WholeBodyTracker(EMBODIMENT), world, EMBODIMENT)
        robot.on_command = watch = Watch(course, task, body)
        flawed = FlawedPolicy(policy, world, FAULT_NS, parts.chunk)
        asked = AskedElsewhere(flawed, world, FAULT_NS, parts.slow_s)
        config = ChunkConfig(execution_horizon=policy.spec.execution_horizon)

        def make_source(instance):
            asked.reset(instance.seed)
            return Pausing(ChunkSource(asked, Asynchronous(config), config), world, parts.gap_s)

        station = Station(
            clock=world,
            body=body,
            cameras=FlawedCameras(cameras, world, FAULT_NS, parts.images),
            embodiment=EMBODIMENT,
            make_source=make_source,
            task=task,
        )
        sizes = {name: policy.spec.image_size for name in policy.spec.cameras}
        spec = DatasetSpec(embodiment=EMBODIMENT.name, rate_hz=30.0, cameras=sizes)
        stack.enter_context(station)
        with DatasetWriter.open(folder / "episode.zarr", spec) as writer:
            instances = (task.reset(SEED) for _ in range(1))
            (recorded,) = record(station, writer, instances, source="policy", operator="fault")
            course.fault = recorded.fault
        _let_it_end(body, world, watch)
    course.height_m = task.robot.pelvis_height_m()
    _look_at_recording(course, folder / "episode.zarr", recorded)
    return course


def _let_it_end(body, world, watch):
    """The loop is over; a body in a process of its own makes itself safe now, and so does this one."""
    until_ns = FAULT_NS + round(LONGEST_S * NS_PER_S)
    while not body.status.tracking and not body.status.braking and world.now_ns() < until_ns:
        body.advance(world.now_ns() + NS_PER_S // 10)
        watch()
    if body.status.braking:
        for _ in range(10):
            body.advance(world.now_ns() + NS_PER_S // 10)
            watch()


def _look_at_recording(course, path, recorded):
    course.problems = verify(path)
    (episode,) = open_dataset(path).episodes
    course.steps, course.recorded, course.outcome = len(episode), episode.info.fault, episode.info.outcome
    assert course.steps == recorded.steps
