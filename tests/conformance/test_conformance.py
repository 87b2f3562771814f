"""Every implementation of a protocol, fakes included, under its suite; policies other than fakes: in tests/policies."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from conformance.bodies import BodyConformance, Stand
from conformance.cameras import CamerasConformance
from conformance.clocks import ClockConformance
from conformance.dataset_writers import SIZE_PX, DatasetWriterConformance
from conformance.policies import PolicyConformance
from conformance.reference_sources import ReferenceSourceConformance, observation
from conformance.robots import RobotConformance
from conformance.tasks import TaskConformance
from conformance.trackers import TrackerConformance
from fakes import FakePolicy, FakeTask, FakeTracker, ListSource, SteppedClock
from fakes_realtime import QUICK, Commands, StiffTracker, StringRobot, Strings, fake_robot
from fakes_sonic import SonicEmulator, StringLink, free_addresses
from fakes_unitree import Where, run_floor_twin, twin_config
from remote_robot import RemoteRobot

from hlm.control.learned_legs.config import LearnedLegsConfig, SwitchConfig
from hlm.control.learned_legs.learned_legs_tracker import LearnedLegsTracker
from hlm.control.learned_legs.policy_file import find_policy_file, open_network
from hlm.control.learned_tracker.learned_tracker import LearnedTracker
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.clock import MonotonicClock
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError, MissingDependencyError
from hlm.core.processes import ChildProcess
from hlm.core.shared_ring import SharedRing
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.writer import DatasetWriter
from hlm.robots.sonic.link import SonicAddresses, SonicLinkFactory
from hlm.runtime.bodies.body_process import BodyProcessConfig
from hlm.runtime.bodies.lockstep import LockstepBody
from hlm.runtime.bodies.process_body import RealtimeBodyConfig
from hlm.runtime.bodies.realtime import RealtimeBody
from hlm.runtime.bodies.streamed import StreamedBody
from hlm.runtime.chunks.delayed_policy import DelayedPolicy
from hlm.runtime.chunks.schedulers import SCHEDULERS, ChunkConfig, make_scheduler
from hlm.runtime.chunks.source import ChunkSource
from hlm.runtime.policy_source import PolicySource
from hlm.sim.cameras import SimulatedCameras
from hlm.sim.realtime.plant import PlantConfig
from hlm.sim.realtime.plant_process import PlantProcess
from hlm.sim.tasks.catalog import TASKS, make_operator, make_task
from hlm.sim.world import TIME_STEP_NS, World
from hlm.teleop.interfaces.interfaced_source import interfaced
from hlm.teleop.replay import ReplaySource
from hlm.teleop.retargeting import RetargetedSource
from hlm.twin.dds_port import TRAFFIC, DdsPort, make_faults_ring

STANDING = observation(0).state
GUARDED = LearnedLegsConfig(switch=SwitchConfig(model_walks=True))


def break_robot(robot, result):
    """Let a robot's `read` raise an error, or give the same state for ever."""

    def read():
        if isinstance(result, Exception):
            raise result
        return result

    robot.read = read


class TestMonotonicClock(ClockConformance):
    late_ns = 1_000_000_000  # a busy machine

    @pytest.fixture
    def clock(self):
        return MonotonicClock()


class TestSteppedClock(ClockConformance):
    @pytest.fixture
    def clock(self):
        return SteppedClock()


class TestWorld(ClockConformance):
    coarse_ns = TIME_STEP_NS

    @pytest.fixture
    def clock(self, floor_model):
        return World(floor_model)


class TestFakeRobot(RobotConformance):
    moves_at_once = True

    @pytest.fixture
    def robot_and_clock(self, rig):
        return rig.robot, rig.clock


class TestSimulatedRobot(RobotConformance):
    @pytest.fixture
    def robot_and_clock(self, simulated_robot):
        return simulated_robot


@pytest.fixture(scope="module")
def hanging_twin():
    """A twin in another process that hangs from a rope."""
    pytest.importorskip("unitree_interface")
    port = DdsPort(twin_config(start="hanging"), make_faults_ring(), SharedRing(TRAFFIC))
    child = ChildProcess("twin", run_floor_twin, port).start()
    child.wait_ready(60.0)
    yield
    child.stop()


@pytest.mark.slow
class TestUnitreeG1(RobotConformance):
    @pytest.fixture
    def robot_and_clock(self, hanging_twin):
        robot = RemoteRobot(Where().robot)
        yield robot, MonotonicClock()
        robot.close()


class TestFakeTracker(TrackerConformance):
    @pytest.fixture
    def tracker(self):
        return FakeTracker()


class TestWholeBodyTracker(TrackerConformance):
    @pytest.fixture
    def tracker(self):
        return WholeBodyTracker(UNITREE_G1)


class TestLearnedLegsTrackerOfAFakePolicy(TrackerConformance):
    @pytest.fixture
    def tracker(self):
        return LearnedLegsTracker(UNITREE_G1, lambda _: np.zeros(29))


class TestLearnedLegsTracker(TrackerConformance):
    @pytest.fixture
    def tracker(self):
        try:
            return LearnedLegsTracker(UNITREE_G1, open_network(find_policy_file()))
        except MissingDependencyError as error:
            pytest.skip(str(error))


class TestGuardedTrackerOfAFakePolicy(TrackerConformance):
    @pytest.fixture
    def tracker(self):
        return LearnedLegsTracker(UNITREE_G1, lambda _: np.zeros(29), GUARDED)


class TestGuardedTracker(TrackerConformance):
    @pytest.fixture
    def tracker(self):
        try:
            return LearnedLegsTracker(UNITREE_G1, open_network(find_policy_file()), GUARDED)
        except MissingDependencyError as error:
            pytest.skip(str(error))


class TestLearnedTrackerOfAFakeNetwork(TrackerConformance):
    @pytest.fixture
    def tracker(self):
        return LearnedTracker(UNITREE_G1, lambda seen: 3.0 * np.sin(1.0 + seen[:29]))


class TestLockstepBodyOfFakes(BodyConformance):
    @pytest.fixture
    def stand(self, rig):
        return Stand(rig.body, rig.clock, rig.robot.commands, partial(break_robot, rig.robot))


class TestLockstepBodyInSimulation(BodyConformance):
    @pytest.fixture
    def stand(self, simulated_robot):
        robot, world = simulated_robot
        body = LockstepBody(robot, WholeBodyTracker(UNITREE_G1), world, UNITREE_G1)
        commands, command = [], robot.command

        def noted(one):
            commands.append(one)
            command(one)

        robot.command = noted
        return Stand(body, world, commands, partial(break_robot, robot))


@pytest.mark.slow
class TestRealtimeBodyOfFakes(BodyConformance):
    @pytest.fixture
    def stand(self):
        strings = Strings.make()
        config = RealtimeBodyConfig(process=BodyProcessConfig(safety=QUICK))
        body = RealtimeBody(partial(fake_robot, strings), StiffTracker, UNITREE_G1, config)
        return Stand(body, MonotonicClock(), Commands(strings.commands), strings.break_robot)


@pytest.mark.slow
class TestStreamedBodyOnTheWireOfSonic(BodyConformance):
    @pytest.fixture
    def stand(self):
        publish, state = free_addresses()
        strings = Strings.make()
        make_link = partial(StringLink, SonicLinkFactory(SonicAddresses(publish=publish, state=state)), strings)
        safety = replace(QUICK, max_state_age_s=0.5)
        processes = RealtimeBodyConfig(process=BodyProcessConfig(safety=safety))
        with SonicEmulator(publish, state) as emulator:
            body = StreamedBody(make_link, UNITREE_G1, processes=processes)
            yield Stand(body, MonotonicClock(), emulator.commands, strings.break_robot)


@pytest.mark.slow
class TestRealtimeBodyInSimulation(BodyConformance):
    @pytest.fixture
    def stand(self, standing_plant):
        strings = Strings.make()
        make_robot = partial(StringRobot, standing_plant.make_robot(), strings)
        body = RealtimeBody(make_robot, partial(WholeBodyTracker, UNITREE_G1), UNITREE_G1)
        return Stand(body, MonotonicClock(), Commands(strings.commands), strings.break_robot)

    @pytest.fixture
    def standing_plant(self):
        name = "shelf_cup_transfer"
        with PlantProcess(PlantConfig(task=name, seed=0), make_task(name, UNITREE_G1).world) as plant:
            yield plant


class TestPlantRobot(RobotConformance):
    @pytest.fixture
    def robot_and_clock(self):
        name = "shelf_cup_transfer"
        with PlantProcess(PlantConfig(task=name, seed=0), make_task(name, UNITREE_G1).world) as plant:
            yield plant.make_robot()(), MonotonicClock()


class TestFakeCameras(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self, rig):
        return rig.cameras, rig.clock


class TestSimulatedCameras(CamerasConformance):
    @pytest.fixture
    def cameras_and_clock(self, simulated_robot):
        _, world = simulated_robot
        return SimulatedCameras(world, ("head", "right_wrist"), 24, 32), world


class TestListSource(ReferenceSourceConformance):
    @pytest.fixture
    def make_source(self):
        return lambda: ListSource(np.tile(STANDING, (7, 1)))


@pytest.mark.parametrize("interface", ["joints", "decoupled", "three_point"])
class TestInterfacedSource(ReferenceSourceConformance):
    @pytest.fixture
    def make_source(self, interface):
        return lambda: interfaced(ListSource(np.tile(STANDING, (7, 1))), interface, UNITREE_G1)


class TestReplaySource(ReferenceSourceConformance):
    @pytest.fixture
    def make_source(self):
        return lambda: ReplaySource(np.tile(STANDING, (7, 1)))


class TestPolicySource(ReferenceSourceConformance):
    ends = False

    @pytest.fixture
    def make_source(self):
        return lambda: PolicySource(FakePolicy(horizon=10), ChunkConfig(execution_horizon=5))


@pytest.mark.parametrize("scheduler", SCHEDULERS)
class TestChunkSource(ReferenceSourceConformance):
    ends = False

    @pytest.fixture
    def make_source(self, scheduler):
        config = ChunkConfig(execution_horizon=5)

        def make():
            policy = DelayedPolicy(FakePolicy(horizon=10), SteppedClock())
            return ChunkSource(policy, make_scheduler(scheduler, config, continues=False), config)

        return make


@pytest.fixture(scope="module", params=sorted(TASKS))
def simulated_task(request):
    return make_task(request.param, UNITREE_G1)


class TestScriptedOperator(ReferenceSourceConformance):
    @pytest.fixture
    def make_source(self, simulated_task):
        def make():
            simulated_task.reset(0)
            operator = make_operator(simulated_task, np.random.default_rng(1))
            return RetargetedSource(operator, UNITREE_G1)

        return make


class TestSimulatedTask(TaskConformance):
    @pytest.fixture
    def task(self, simulated_task):
        return simulated_task


class TestFakeTask(TaskConformance):
    scenes_differ = False

    @pytest.fixture
    def task(self):
        return FakeTask()


class TestFakePolicy(PolicyConformance):
    @pytest.fixture(params=[False, True])
    def policy(self, request):
        return FakePolicy(continues_chunks=request.param)


class TestDatasetWriter(DatasetWriterConformance):
    @pytest.fixture
    def writer(self, tmp_path):
        spec = DatasetSpec(embodiment=UNITREE_G1.name, rate_hz=30.0, cameras={"head": SIZE_PX})
        with DatasetWriter.open(tmp_path / "demos.zarr", spec) as writer:
            yield writer

    @pytest.fixture
    def read(self, tmp_path):
        def read():
            try:
                return list(open_dataset(tmp_path / "demos.zarr").episodes)
            except InputError as error:
                assert "has no episodes" in str(error)
                return []

        return read
