"""What training shows a network is what it sees when it drives a robot, and what it learnt is what the robot does."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from conformance.policies import PolicyConformance

from hlm.core.errors import CorruptError, InputError, MismatchError
from hlm.core.layout import DIMENSIONS, NAMES
from hlm.core.policy import ActionPrefix
from hlm.core.values import CameraFrame, Observation
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.checkpoint_config import WEIGHTS_FILE
from hlm.policies.compact.config import CompactConfig, ObjectiveConfig
from hlm.policies.digest import folder_digest, policy_digest
from hlm.policies.trained import TrainedPolicy, build_network, load_policy
from hlm.policies.training.batches import plain_batch
from hlm.policies.training.samples import collate
from hlm.policies.training.trainer import train
from hlm.policies.transforms.letterbox import letterbox
from hlm.policies.transforms.ordering import ORDERINGS

RATE_HZ = 30.0
ROWS = 24
STILL = (NAMES.index("left_wrist_yaw"), NAMES.index("waist_roll"))
DIALS = (
    {},
    {"order": "humanoid"},
    {"actions": "relative"},
    {"proprioception": False},
    {"image_size": (16, 48)},
    {"cameras": ("wrist", "head"), "horizon": 12},
)


def pose(time):
    """[34] a body in which all but two joints move, each in its own way, and rest where zero is not."""
    number = np.arange(DIMENSIONS)
    vector = 0.4 * np.sin(0.7 * number) + (0.3 + 0.01 * number) * (-1.0) ** number * time
    vector[list(STILL)] = 0.3
    return vector


def episode_rows(lacking):
    """A body that moves steadily; pictures show when."""
    for row in range(ROWS):
        image = np.full((32, 32, 3), 60, np.uint8)
        image[8:24, row : row + 8] = 255
        cameras = ("head",) if lacking else ("head", "wrist")
        yield Step(
            stamp_ns=round(row * 1e9 / RATE_HZ),
            state=pose(row / ROWS) + 0.01,
            action=pose((row + 1) / ROWS),
            images={name: image for name in cameras},
            age_s=dict.fromkeys(cameras, 0.0),
        )


def write_moving(path, lacking=()):
    """A dataset of two equal episodes."""
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=RATE_HZ, cameras={"head": (32, 32), "wrist": (32, 32)})
    with DatasetWriter.open(path, spec) as writer:
        for number in range(2):
            info = EpisodeInfo(instruction="Go on", source="scripted", task="go", seed=number, operator="test")
            episode = writer.episode(info)
            for row in episode_rows(number in lacking):
                episode.append(row)
            episode.commit(outcome="success")
    return path


@pytest.fixture(scope="session")
def moving_path(tmp_path_factory):
    return write_moving(tmp_path_factory.mktemp("moving") / "moving.zarr")


def observation(episode, row):
    """What a live robot would have seen at a row."""
    stamp_ns = int(episode.stamp_ns[row])
    frames = {name: CameraFrame(stamp_ns, episode.images(name, [row])[0]) for name in episode.cameras}
    return Observation(stamp_ns, episode.state[row], frames, episode.info.instruction)


def chunk_of(episode, row, horizon):
    """[time, 34] demonstrated actions from a row on, the last one held."""
    return episode.action[np.minimum(np.arange(row, row + horizon), len(episode) - 1)]


@pytest.mark.parametrize("dials", DIALS)
def test_a_recorded_row_is_seen_in_training_as_it_is_when_serving(dials, tmp_path, tiny_config, prepared):
    data = {
        "datasets": (write_moving(tmp_path / "made.zarr", lacking=(1,)),),
        "validation_fraction": 0.0,
        "execution_horizon": 6,
    }
    run = prepared(**data, **dials)
    policy = load_policy(train(tiny_config(**data, **dials, steps=1)))
    assert policy.spec.optional_cameras == ("wrist",)
    for number in (0, 5, ROWS - 1, ROWS, 2 * ROWS - 2):
        episode, row = run.samples.locate(number)
        batch = plain_batch(collate([run.samples[number]]), run.encoding, torch.device("cpu"))
        served = policy.inputs(observation(episode, row))
        for name, seen, recorded in zip(served._fields, served, batch.inputs, strict=True):
            assert (seen is None) == (recorded is None), name
            if seen is not None:
                torch.testing.assert_close(seen, recorded, rtol=0.0, atol=0.0, msg=name)
        # What a perfect network answers is what was demonstrated.
        played = policy.encoding.undo_chunk(batch.actions[0].numpy(), episode.state[row])
        moves = policy.encoding.action.active
        expected = chunk_of(episode, row, policy.spec.horizon)
        np.testing.assert_allclose(played[:, moves], expected[:, moves], rtol=0.0, atol=2e-6)
        assert batch.action_is_pad[0].tolist() == [row + i >= ROWS for i in range(policy.spec.horizon)]


@pytest.mark.parametrize("dials", DIALS)
def test_dials_do_what_they_say_and_survive_the_checkpoint(dials, moving_path, tiny_config):
    path = train(tiny_config(datasets=(moving_path,), **dials, steps=1, execution_horizon=6, euler_steps=5))
    config = read_checkpoint(path).config
    for name, value in dials.items():
        assert getattr(config.encoding, name) == value
    assert (config.sampling.euler_steps, config.sampling.execution_horizon) == (5, 6)
    policy = load_policy(path)
    seen = policy.inputs(observation(open_dataset(moving_path).episodes[0], 3))
    size = dials.get("image_size", (32, 32))
    assert seen.images.shape == (1, 2, 3, *size)
    assert (policy.spec.horizon, policy.spec.execution_horizon, policy.euler_steps) == (dials.get("horizon", 16), 6, 5)
    assert policy.spec.cameras == dials.get("cameras", ("head", "wrist"))
    assert (seen.state is None) == (not dials.get("proprioception", True))
    if seen.state is not None:
        order = ORDERINGS[dials.get("order", "bimanual")].indices
        told = np.empty(DIMENSIONS, np.float32)
        told[order] = seen.state[0]
        np.testing.assert_allclose(
            policy.encoding.state.undo(told)[policy.encoding.state.active],
            (pose(3 / ROWS) + 0.01)[policy.encoding.state.active],
            rtol=0.0,
            atol=1e-5,
        )


@pytest.mark.parametrize("dials", [{"order": "humanoid", "actions": "relative"}, {"proprioception": False}])
def test_what_was_learnt_by_heart_comes_out_in_absolute_contract_order(dials, moving_path, tiny_config):
    tiny = tiny_config().policy_config.architecture
    objective = ObjectiveConfig(state_noise=0.0, state_dropout=0.0, counterfactual=0.0)
    path = train(
        tiny_config(
            datasets=(moving_path,),
            policy_config=CompactConfig(architecture=tiny, objective=objective),
            augmentation=AugmentationConfig(),
            **dials,
            learning_rate=1e-2,
            ema_decay=0.0,
            steps=80,
            batch_size=8,
            validation_fraction=0.0,
        )
    )
    policy = load_policy(path, euler_steps=4)
    episode = open_dataset(moving_path).episodes[0]
    rows = range(0, ROWS, 6)
    played = np.stack([policy.chunk(observation(episode, row)).actions for row in rows])
    truth = np.stack([chunk_of(episode, row, 16) for row in rows])
    # Joints start from -0.4 to 0.4 rad and move by about as much: in a wrong order or frame they would be far off.
    assert np.abs(played - truth).mean() < 0.06
    assert np.abs(played - truth).mean(axis=(0, 1)).max() < 0.15
    assert np.corrcoef((played[-1] - played[0]).flat, (truth[-1] - truth[0]).flat)[0, 1] > 0.9
    for joint in STILL:
        np.testing.assert_allclose(played[..., joint], 0.3, rtol=0.0, atol=0.02)


def test_relative_actions_leave_a_joint_that_never_moved_where_it_was_demonstrated(moving_path, prepared):
    encoding = prepared(datasets=(moving_path,), actions="relative").encoding
    assert encoding.config.small_ranges == "widen"
    assert encoding.action_active.all()
    # The state is 0.01 off the target, wherever a robot happens to be.
    far = pose(0.0) + 0.2
    played = encoding.undo_chunk(encoding.chunk(np.tile(pose(0.0), (16, 1)), far), far)
    np.testing.assert_allclose(played, np.tile(pose(0.0), (16, 1)), rtol=0.0, atol=1e-5)


@pytest.fixture
def policy(trained_path):
    return load_policy(trained_path)


def test_a_chunk_starts_at_the_observation_and_has_the_horizon(policy, observe):
    seen = observe(row=5)
    chunk = policy.chunk(seen)
    assert chunk.stamp_ns == seen.stamp_ns
    assert chunk.rate_hz == policy.spec.rate_hz == 30.0
    assert chunk.actions.shape == (policy.spec.horizon, 34)
    assert np.isfinite(chunk.actions).all()


def test_the_same_seed_gives_the_same_chunks(trained_path, observe):
    first, second = load_policy(trained_path, seed=4), load_policy(trained_path)
    second.reset(4)
    for row in (0, 3):
        np.testing.assert_array_equal(first.chunk(observe(row)).actions, second.chunk(observe(row)).actions)


def test_noise_differs_from_chunk_to_chunk_and_seed_to_seed(trained_path, observe):
    policy = load_policy(trained_path, seed=0)
    first, second = policy.chunk(observe()).actions, policy.chunk(observe()).actions
    policy.reset(1)
    third = policy.chunk(observe()).actions
    assert np.abs(first - second).max() > 0.0
    assert np.abs(first - third).max() > 0.0


def test_serving_leaves_the_global_random_state_alone(trained_path, observe):
    before = torch.random.get_rng_state()
    load_policy(trained_path).chunk(observe())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_observation_is_left_as_it_is(policy, observe):
    seen = observe(row=2)
    state, image = seen.state.copy(), seen.frames["head"].image.copy()
    policy.chunk(seen)
    np.testing.assert_array_equal(seen.state, state)
    np.testing.assert_array_equal(seen.frames["head"].image, image)


def test_euler_steps_are_taken(trained_path, observe):
    chunks = [load_policy(trained_path, euler_steps=steps).chunk(observe()).actions for steps in (1, 2, 2)]
    assert np.abs(chunks[0] - chunks[1]).max() > 0.0
    np.testing.assert_array_equal(chunks[1], chunks[2])


def test_joints_that_never_moved_are_constant_in_every_chunk(policy, observe):
    moving = policy.encoding.action.active
    assert moving.sum() == 2
    actions = policy.chunk(observe()).actions
    assert not actions[:, ~moving].any()
    assert actions[:, moving].std(axis=0).min() > 0.0


def test_a_prefix_draws_the_new_chunk_to_the_old_one(policy, observe):
    old = policy.chunk(observe()).actions.copy()
    moves = policy.encoding.action.active
    old[:, moves] += 0.3

    def away(delay, execute):
        policy.reset(7)
        chunk = policy.chunk(observe(), ActionPrefix(old, delay, execute)).actions
        return np.abs(chunk - old)[:, moves].mean(axis=1)

    policy.reset(7)
    free = np.abs(policy.chunk(observe()).actions - old)[:, moves].mean(axis=1)
    held = away(8, 12)
    assert held[:6].max() < 0.3 * free[:6].min()
    # A chunk that has to resemble the old one everywhere is the old one, as far as splines go.
    assert away(16, 16).max() < 0.02


def test_a_policy_that_cannot_continue_chunks_says_so(policy, observe):
    assert policy.spec.continues_chunks
    policy._spec = replace(policy.spec, continues_chunks=False)
    with pytest.raises(MismatchError, match="cannot continue a chunk"):
        policy.chunk(observe(), ActionPrefix(np.zeros((4, 34)), 1, 2))


def test_an_unknown_word_is_refused(policy, observe):
    with pytest.raises(InputError, match="does not know 'green'"):
        policy.chunk(observe(instruction="put the green cup on the shelf"))


def test_a_missing_camera_is_refused(policy, observe):
    with pytest.raises(MismatchError, match="needs cameras head, wrist; the observation has head"):
        policy.chunk(observe(wrist=None))


@pytest.mark.parametrize("size", [(224, 224), (48, 64), (16, 24)])
def test_a_picture_of_another_size_is_the_one_that_training_would_have_made_of_it(policy, observe, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    fitted = letterbox(image, policy.encoding.image_size)
    assert fitted.shape != image.shape
    chunks = []
    for seen in (image, fitted):
        policy.reset(0)
        chunks.append(policy.chunk(observe(head=CameraFrame(0, seen))).actions)
    np.testing.assert_array_equal(*chunks)


def test_a_camera_that_the_policy_does_not_know_changes_nothing(policy, observe):
    extra = CameraFrame(0, np.zeros((8, 8, 3), np.uint8))
    before = policy.chunk(observe()).actions
    policy.reset(0)
    np.testing.assert_array_equal(policy.chunk(observe(third=extra)).actions, before)


def test_a_camera_that_training_sometimes_lacked_may_be_missing(make_dataset, tiny_config, observe):
    policy = load_policy(train(tiny_config(datasets=(make_dataset(lacking=(0, 1)),), steps=2, validation_fraction=0.0)))
    assert policy.spec.optional_cameras == ("wrist",)
    assert policy.chunk(observe(wrist=None)).actions.shape == (16, 34)
    with pytest.raises(MismatchError, match=r"needs cameras head, wrist \(optional\); the observation has none"):
        policy.chunk(observe(wrist=None, head=None))


def test_a_policy_tells_about_itself(policy, trained_path):
    assert policy.spec.cameras == ("head", "wrist")
    assert policy.spec.optional_cameras == ()
    assert policy.spec.image_size == (32, 32)
    spec = policy.spec
    assert (spec.rate_hz, spec.horizon, spec.execution_horizon, policy.euler_steps) == (
        30.0,
        16,
        8,
        3,
    )
    assert policy.spec.policy_type == "compact"
    assert policy.spec.vocabulary == ("blue", "cup", "on", "put", "red", "shelf", "the")


def test_the_network_is_the_checkpoints_and_is_not_trained_by_serving(trained_path):
    checkpoint = read_checkpoint(trained_path)
    network = build_network(checkpoint)
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, checkpoint.weights[name])


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ({"euler_steps": 0}, "euler_steps must be at least 1"),
        ({"device": "tpu9"}, "cannot compute on device 'tpu9' here"),
    ],
)
def test_what_cannot_be_served_is_refused(trained_path, what, text):
    with pytest.raises(InputError, match=text) as error:
        load_policy(trained_path, **what)
    assert "\n" not in str(error.value)


class TestTrainedPolicy(PolicyConformance):
    @pytest.fixture
    def policy(self, trained_path):
        return load_policy(trained_path)


def test_copies_have_one_digest_and_other_policies_others(trained_path, tmp_path):
    first = read_checkpoint(trained_path)
    digest = TrainedPolicy(first).spec.digest
    assert re.fullmatch("[0-9a-f]{64}", digest)
    shutil.copytree(trained_path, tmp_path / "copy", ignore=lambda *_: ["training.pt", "card.md", "SHA256SUMS"])
    assert load_policy(tmp_path / "copy").spec.digest == load_policy(trained_path, device="cpu").spec.digest == digest
    name, weight = next(iter(first.weights.items()))
    moved = replace(first.statistics.state, q99=first.statistics.state.q99 + 1e-6)
    others = [
        replace(first, weights={**first.weights, name: weight.nextafter(weight + 1.0)}),
        replace(first, weights=dict(list(first.weights.items())[::-1]), step=first.step + 1),
        replace(first, statistics=replace(first.statistics, state=moved)),
        replace(first, config=replace(first.config, sampling=replace(first.config.sampling, execution_horizon=7))),
        replace(first, config=replace(first.config, encoding=replace(first.config.encoding, state_limit=1.5))),
    ]
    digests = [TrainedPolicy(other).spec.digest for other in others]
    assert digests.pop(1) == digest  # The order of the weights and the number of updates decide nothing.
    assert len({digest, *digests, TrainedPolicy(first, euler_steps=9).spec.digest}) == len(digests) + 2


@pytest.mark.parametrize("euler_steps", [None, 1, 9])
def test_a_folder_has_the_digest_of_its_policy(trained_path, euler_steps):
    assert folder_digest(trained_path, euler_steps) == load_policy(trained_path, euler_steps=euler_steps).spec.digest


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool])
def test_a_folder_has_the_digest_of_its_policy_in_every_precision(trained_path, tmp_path, dtype):
    shutil.copytree(trained_path, tmp_path / "copy", ignore=lambda *_: ["SHA256SUMS"])
    weights = {"b.ä": torch.arange(6).reshape(2, 3).to(dtype), "a": torch.ones(()), "none": torch.zeros(0, 2)}
    safetensors.torch.save_file(weights, tmp_path / "copy" / WEIGHTS_FILE, {"step": "2"})
    checkpoint = read_checkpoint(tmp_path / "copy")
    assert folder_digest(tmp_path / "copy") == policy_digest(checkpoint, checkpoint.config.sampling)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, "statistics.json"])
@pytest.mark.parametrize("content", [b"", b"\x10" + bytes(7) + b"{", b"{}"])
def test_a_damaged_folder_has_no_digest(trained_path, tmp_path, name, content):
    shutil.copytree(trained_path, tmp_path / "copy")
    (tmp_path / "copy" / name).write_bytes(content)
    with pytest.raises(CorruptError, match=f"{name} is damaged"):
        folder_digest(tmp_path / "copy")
