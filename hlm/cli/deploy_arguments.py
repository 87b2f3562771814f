"""Arguments of `hlm deploy`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from hlm.cli.arguments import Place
from hlm.cli.deployed_robot import ROBOTS
from hlm.cli.live.people import HEADSET_PORT
from hlm.cli.live.takeover import TAKEOVER_PEOPLE
from hlm.cli.option_use import Use, must_be_of_use
from hlm.cli.robot_options import must_mean_something
from hlm.cli.trackers import WHOLE_BODY, must_be_tracker
from hlm.core.errors import InputError, UnknownNameError
from hlm.core.seeds import LAST_SEED

SOURCES = ("policy", "scripted", "replay")
LONGEST_S = 24 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployArguments:
    """Run a checkpoint, a policy server, a recorded episode or the scripted operator on a robot in real time.

    By default the robot is simulated in a process of its own, in the scene of a task that scores the end. Everything
    that can be wrong is told before anything moves. Ctrl+C lets the robot hold, crouch and only brake; a second one
    lets it brake at once. So do `kill` and a closed terminal; when any of the processes is killed, the others make the
    robot safe.

    The exit code is 0 when it was done, with success where there is a task; 1 when it failed, or the safety ended it; 2
    for bad input; 130 after Ctrl+C.

    Attributes:
        what: checkpoint folder of the policy; with --source replay, the folder of an episode.
        server: policy server instead, e.g. ws://127.0.0.1:8000; the API key is read from HLM_API_KEY.
        source: "policy", "scripted" for the task's scripted operator, or "replay" for the actions of an episode.
        robot: what moves: mujoco, unitree or sonic.
        task: name of the task; shelf_cup_transfer by default where the robot is simulated or the task names the scene.
        instruction: what is to be done, in words that the policy knows; with a task, one of its instructions.
        seed: of the task's scene, and of the policy's noise.
        record: new dataset that the episode is recorded into.
        seconds: longest time of the episode; otherwise the task or the source ends it.
        json: also write the result and all figures to this JSON file.
        interface: network interface of the robot, for --robot unitree, such as eth0; lo for `hlm twin`.
        cameras: where the cameras of a real robot are, such as head=opencv:/dev/video0 wrists=openhlm; by default those
            of OpenHLM's robot, or of `hlm twin`.
        grippers: addresses of the grippers' state and of the commands to them, or none; by default OpenHLM's. For
            --robot sonic that of their state alone; by default none.
        sonic: for --robot sonic, addresses where references are published and where SONIC publishes its state; by
            default tcp://127.0.0.1:5556 tcp://127.0.0.1:5557.
        start: how a real robot is taken over: standing on its feet, or hanging from a crane.
        tracker: whole_body, guarded (the same, and a learned policy catches what would fall), learned_legs (walks by
            that policy), or learned:FILE.onnx (a network of your own, see docs/learn_tracker.md); all but the first
            need the extra `learned`.
        scheduler: when the policy is asked and what becomes of its answers.
        execution_horizon: actions of each chunk to execute; the checkpoint's by default.
        dry_run: do everything, but let the motors only brake.
        takeover: with a policy, the device of a person who takes over and hands back while it runs: keyboard (this
            terminal), page (a browser), webxr or pico (headsets), see docs/takeover.md.
        host: address that the page of --takeover page listens on. Any but this machine's own asks for a token and uses
            HTTPS.
        port: of that page.
        body: with --takeover webxr, follow all joints that the headset's browser tracks, instead of head and hands.
        headset_port: with --takeover webxr, port of the page that the headset opens; 0 for a free one.
    """

    what: Annotated[Path | None, Place("CHECKPOINT")] = None
    server: str | None = None
    source: str = "policy"
    robot: str = "mujoco"
    task: str | None = None
    instruction: str | None = None
    seed: int = 100_000
    record: Path | None = None
    seconds: float | None = None
    json: Path | None = None
    interface: str | None = None
    cameras: tuple[str, ...] = ()
    grippers: tuple[str, ...] = ()
    sonic: tuple[str, ...] = ()
    start: Literal["standing", "hanging"] = "standing"
    tracker: str = WHOLE_BODY
    scheduler: str = "asynchronous"
    execution_horizon: int | None = None
    dry_run: bool = False
    takeover: str | None = None
    host: str = "127.0.0.1"
    port: int = 8040
    body: bool = False
    headset_port: int = HEADSET_PORT

    def __post_init__(self) -> None:
        """Check what needs no other file."""
        if self.robot not in ROBOTS:
            raise UnknownNameError("robot", self.robot, ROBOTS)
        must_be_tracker(self.tracker)
        if self.robot == "sonic" and self.tracker != WHOLE_BODY:
            raise InputError("--tracker does nothing with --robot sonic, which tracks references itself.")
        self._check_source()
        self._check_takeover()
        if not 0 <= self.seed <= LAST_SEED:
            raise InputError(f"--seed must be from 0 to {LAST_SEED}, got {self.seed}.")
        if self.seconds is not None and not (math.isfinite(self.seconds) and 0.0 < self.seconds <= LONGEST_S):
            raise InputError(f"--seconds must be more than 0 and at most {LONGEST_S:g}, got {self.seconds:g}.")
        options = ("interface", "cameras", "grippers", "sonic", "start")
        must_mean_something(self.robot, {name: getattr(self, name) for name in options})
        if self.execution_horizon is not None and self.execution_horizon < 1:
            raise InputError(f"--execution-horizon must be at least 1, got {self.execution_horizon}.")
        for option, target in (("--record", self.record), ("--json", self.json)):
            if target == Path():
                raise InputError(f"{option} is the folder that you are in, or empty. Name another one.")

    def _check_takeover(self) -> None:
        page = Use(("host", "port"), self.takeover == "page", "--takeover page")
        must_be_of_use(self, (page, Use(("body", "headset_port"), self.takeover == "webxr", "--takeover webxr")))
        if self.takeover is None:
            return
        if self.takeover not in TAKEOVER_PEOPLE:
            raise UnknownNameError("takeover", self.takeover, TAKEOVER_PEOPLE)
        if self.source != "policy":
            raise InputError(f"--takeover is from a policy; --source {self.source} has none.")

    def _check_source(self) -> None:
        from hlm.runtime.chunks.schedulers import SCHEDULERS

        if self.source not in SOURCES:
            raise UnknownNameError("source", self.source, SOURCES)
        if self.scheduler not in SCHEDULERS:
            raise UnknownNameError("scheduler", self.scheduler, SCHEDULERS)
        given = (self.what is not None) + (self.server is not None)
        if self.source == "policy" and given != 1:
            raise InputError(
                "give a CHECKPOINT, --server URL, --source replay EPISODE or --source scripted; exactly one of them."
            )
        if self.source == "replay" and (self.what is None or self.server is not None):
            raise InputError("`--source replay` and the path of an episode go together: --source replay EPISODE.")
        if self.source == "scripted" and given:
            raise InputError("--source scripted takes neither a checkpoint nor a server.")
        if self.source != "policy" and self.execution_horizon is not None:
            raise InputError(f"--execution-horizon does nothing with --source {self.source}, which samples no chunks.")
