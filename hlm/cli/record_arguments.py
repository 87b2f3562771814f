"""Arguments of `hlm record`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hlm.cli.arguments import Positional
from hlm.cli.command_interfaces import WHOLE_BODY_INTERFACE, must_be_command_interface
from hlm.cli.deployed_robot import ROBOTS
from hlm.cli.live.people import HEADSET_PORT, PEOPLE, WITH_PAGE, must_be_person
from hlm.cli.live.played_motion import must_play_for
from hlm.cli.live.takeover import TAKEOVER_PEOPLE
from hlm.cli.option_use import Use, given, must_be_of_use
from hlm.cli.robot_options import camera_words, must_mean_something
from hlm.cli.sources import CAMERAS
from hlm.cli.trackers import WHOLE_BODY, must_be_tracker
from hlm.core.errors import InputError, UnknownNameError
from hlm.core.seeds import LAST_SEED

SOURCES = ("scripted", "replay", "policy", *PEOPLE)
# The page where something is said that only a person needs, and else the task's scripted operator.
AUTO = "auto"
_PERSONS = ("robot", "instructions", "page", "host", "port")
TAKEOVERS = ("scripted", *TAKEOVER_PEOPLE)
HAND_BACKS = ("never", "stage")
# In 30 successful rollouts the shipped policy needed 4.9 s at most to a new stage, see docs/takeover.md.
STALL_S = 6.0
LONGEST_STALL_S = 3600.0
MOST_EPISODES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordArguments:
    """Record demonstrations of a task into a Zarr dataset.

    Each episode is on disk as soon as it ends. After Ctrl+C or a crash, `hlm data recover` keeps the unfinished one.

    Attributes:
        what: with `--source replay` the folder of the episode, e.g. demos.zarr/episode_000003; with `--source policy`
            that of the checkpoint; with `--source motion` the motion file.
        task: name of the task.
        source: "scripted" for the task's scripted operator, "replay" to play an episode's actions in its own scene,
            "policy" for what a checkpoint does; or a person, with "page" (a browser), "webxr" or "pico" (headsets),
            "keyboard" (this terminal) or "motion" (a motion file). By default a person at the page with --robot,
            --instructions, --page, --host or --port, and the scripted operator otherwise.
        episodes: number of episodes; a person records until Ctrl+C by default. Seeds 2k and 2k + 1 share a scene and
            differ in the object that is asked for.
        seed: seed of the first episode; each following episode takes the next one. By default 0, and with --append the
            one after the highest that is there.
        out: dataset to write; runs/TASK.zarr by default.
        append: add to the dataset if it already exists.
        cameras: cameras to record; with --robot unitree and sonic also where they are, such as
            head=opencv:/dev/video0 wrists=openhlm; by default those of OpenHLM's robot, or of `hlm twin`.
        image_size: height and width of simulated images, px; a real camera has its own.
        image_codec: how images are stored: jpeg is written and read fastest, avif takes a third of the space.
        image_quality: quality of the images, 1 to 100; each codec has a default.
        tracker: whole_body, guarded (the same, and a learned policy catches what would fall), learned_legs (walks by
            that policy), or learned:FILE.onnx (a network of your own, see docs/learn_tracker.md); all but the first
            need the extra `learned`.
        command_interface: what a scripted or replayed source's references go through: joints (all of them),
            decoupled or three_point, see docs/interfaces.md.
        robot: record a person on a robot in real time, see `hlm deploy --help`: mujoco, unitree or sonic; otherwise in
            a simulation that waits for this machine.
        interface: network interface of the robot, for --robot unitree, such as eth0; lo for `hlm twin`.
        grippers: addresses of a robot's grippers, or none, see `hlm deploy --help`.
        sonic: addresses of SONIC, see `hlm deploy --help`.
        start: how a real robot is taken over: standing on its feet, or hanging from a crane.
        takeover: with `--source policy`: "scripted", for the task's scripted operator, takes over when the policy
            stalls; or a person's device takes over and hands back: "keyboard" (this terminal, Enter), "page" (a
            browser), "webxr" or "pico" (headsets).
        hand_back: with `--takeover scripted`: "never" lets the operator go on to the end of the episode, "stage" gives
            the robot back to the policy once the task's next stage is reached.
        stall: seconds without a new stage of the task after which the policy has stalled.
        speed: with --source motion, 0.5 plays it at half its speed.
        map: joints of a motion whose names are not known, such as left_hand=LeftWrist, see docs/motion_files.md.
        unit_m: length of the unit of a motion, such as 0.01; found by the length of the legs otherwise.
        up: upward axis of a motion, such as y or z; found otherwise.
        fps: frames per second of a motion, instead of what its file says.
        body: with webxr, follow all joints that the headset's browser tracks, instead of head and hands.
        headset_port: with webxr, port of the page that the headset opens; 0 for a free one.
        instructions: text file with an instruction a line, proposed to a person one after the other.
        countdown: seconds before a person's episode begins.
        page: show a person the operator's page; by default with page, webxr and pico.
        host: address that the page listens on. Any but this machine's own asks for a token and uses HTTPS.
        port: of the page.
    """

    what: Positional[Path | None] = None
    task: str = "shelf_cup_transfer"
    source: str = AUTO
    episodes: int | None = None
    seed: int | None = None
    out: Path | None = None
    append: bool = False
    cameras: tuple[str, ...] = CAMERAS
    image_size: tuple[int, int] = (128, 128)
    image_codec: Literal["jpeg", "avif"] = "jpeg"
    image_quality: int | None = None
    tracker: str = WHOLE_BODY
    command_interface: str = WHOLE_BODY_INTERFACE
    robot: str | None = None
    interface: str | None = None
    grippers: tuple[str, ...] = ()
    sonic: tuple[str, ...] = ()
    start: Literal["standing", "hanging"] = "standing"
    takeover: str | None = None
    hand_back: str = "never"
    stall: float = STALL_S
    speed: float = 1.0
    map: tuple[str, ...] = ()
    unit_m: float | None = None
    up: str | None = None
    fps: float | None = None
    body: bool = False
    headset_port: int = HEADSET_PORT
    instructions: Path | None = None
    countdown: float = 3.0
    page: bool | None = None
    host: str = "127.0.0.1"
    port: int = 8040

    @property
    def count(self) -> int:
        """Number of episodes, where nobody decides that while recording."""
        return 1 if self.episodes is None else self.episodes

    @property
    def with_page(self) -> bool:
        """Whether a person sees the operator's page."""
        return self.source in WITH_PAGE if self.page is None else self.page

    def __post_init__(self) -> None:
        """Choose the source where none is named, and check what needs no simulation."""
        if self.source == AUTO:
            object.__setattr__(self, "source", "page" if given(self, _PERSONS) else "scripted")
        if self.count < 1:
            raise InputError(f"--episodes must be at least 1, got {self.episodes}.")
        if self.count > MOST_EPISODES:
            raise InputError(f"--episodes must be at most {MOST_EPISODES}, got {self.episodes}.")
        must_be_tracker(self.tracker)
        must_be_command_interface(self.command_interface)
        if self.seed is not None and not 0 <= self.seed <= LAST_SEED - self.count:
            wanted = "not be negative" if self.seed < 0 else f"be at most {LAST_SEED - self.count}"
            raise InputError(f"--seed must {wanted}, got {self.seed}.")
        if self.seed is not None and self.source == "replay":
            raise InputError("--seed does nothing with --source replay: an episode is replayed in its own scene.")
        self._check_person()
        self._check_robot()
        self._check_takeover()
        if not self.cameras:
            raise InputError(f"--cameras needs at least one of {', '.join(CAMERAS)}.")
        if self.image_quality is not None and not 1 <= self.image_quality <= 100:
            raise InputError(f"--image-quality must be from 1 to 100, got {self.image_quality}.")
        must_be_of_use(self, self._uses())

    def _uses(self) -> tuple[Use, ...]:
        """Options that only some sources and robots heed."""
        webxr = "webxr" in (self.source, self.takeover)
        page = self.with_page or self.takeover == "page"
        return (
            Use(("body", "headset_port"), webxr, "--source webxr or --takeover webxr"),
            Use(("host", "port"), page, "the operator's page: --page, or --takeover page"),
            Use(("countdown",), self.source in PEOPLE, "a person who records, such as --source page"),
            Use(("stall",), self.takeover == "scripted", "--takeover scripted"),
            Use(("seed", "image_size"), self.robot in (None, "mujoco"), "a simulated robot"),
        )

    def _check_person(self) -> None:
        if self.source in PEOPLE:
            must_be_person(self.source, self.what)
            if self.source == "page" and self.page is False:
                raise InputError("--source page is the page: leave --no-page away, or take --source keyboard.")
        elif self.instructions is not None or self.page is not None or self.robot is not None:
            raise InputError(f"--instructions, --page and --robot are a person's; --source {self.source} has none.")
        if self.command_interface != WHOLE_BODY_INTERFACE and self.source in ("policy", *PEOPLE):
            raise InputError(f"--command-interface is for --source scripted and replay, not for {self.source}.")
        speed = None if self.speed == 1.0 else self.speed
        must_play_for(self.source, speed=speed, map=self.map, unit_m=self.unit_m, up=self.up, fps=self.fps)
        if not 0.0 <= self.countdown <= 60.0:
            raise InputError(f"--countdown must be from 0 to 60 s, got {self.countdown:g}.")

    def _check_robot(self) -> None:
        if self.robot is not None and self.robot not in ROBOTS:
            raise UnknownNameError("robot", self.robot, ROBOTS)
        options = {name: getattr(self, name) for name in ("interface", "grippers", "sonic", "start")}
        if self.robot is None:
            if given := [name for name, value in options.items() if value not in (None, (), "standing")]:
                raise InputError(f"--{given[0]} is of a robot: it goes with --robot unitree or sonic.")
            if said := [word for word in self.cameras if "=" in word]:
                raise InputError(f"'{said[0]}' says where a robot's camera is: it goes with --robot unitree or sonic.")
            return
        must_mean_something(self.robot, options | {"cameras": camera_words(self.cameras, CAMERAS).said})
        if self.robot == "sonic" and self.tracker != WHOLE_BODY:
            raise InputError("--tracker does nothing with --robot sonic, which tracks references itself.")

    def _check_takeover(self) -> None:
        if self.hand_back not in HAND_BACKS:
            raise UnknownNameError("hand back", self.hand_back, HAND_BACKS)
        if self.hand_back != "never" and self.takeover != "scripted":
            raise InputError("--hand-back is for --takeover scripted; a person hands back with a button.")
        if self.takeover is None:
            return
        if self.takeover not in TAKEOVERS:
            raise UnknownNameError("takeover", self.takeover, TAKEOVERS)
        if self.source != "policy":
            raise InputError(f"--takeover is from a policy: it goes with --source policy, not with {self.source}.")
        if not 0.0 < self.stall <= LONGEST_STALL_S:
            raise InputError(f"--stall must be more than 0 and at most {LONGEST_STALL_S:g} s, got {self.stall:g}.")
