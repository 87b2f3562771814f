from dataclasses import replace

import numpy as np
import pytest
from fakes_policies import said

from hlm.core.documents import from_document, to_document
from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import DIMENSIONS, NAMES
from hlm.core.values import CameraFrame, Observation
from hlm.datasets.loader import Samples
from hlm.datasets.reader import open_dataset
from hlm.datasets.statistics import statistics, vector_statistics
from hlm.datasets.store.images import resize
from hlm.policies.encoding import STATE_LIMIT, Encoding, EncodingConfig
from hlm.policies.transforms.letterbox import letterbox
from hlm.policies.transforms.ordering import ORDERINGS
from hlm.policies.transforms.relative import relative_statistics
from hlm.policies.transforms.text import Tokens
from hlm.policies.transforms.vocabulary import Vocabulary

VECTORS = np.random.default_rng(0).normal(size=(500, DIMENSIONS)).astype(np.float32)
# Some dimensions that hardly move.
VECTORS[:, 5::7] *= 1e-3
FIGURES = vector_statistics(VECTORS)
CONFIG = EncodingConfig(
    cameras=("head", "left_wrist", "right_wrist"),
    optional_cameras=("head",),
    recorded_sizes=((48, 64), (64, 64)),
    image_size=(32, 32),
    horizon=6,
)
CHOICES = [
    {"order": order, "actions": actions, "small_ranges": small_ranges}
    for order in ("bimanual", "humanoid")
    for actions in ("absolute", "relative")
    for small_ranges in ("hold", "widen")
]


class Listening:
    """A text that keeps what it was told."""

    slots = 3

    def __init__(self):
        self.told = []

    def encode(self, instruction, state=None):
        self.told.append((instruction, state))
        return Tokens(np.array([7, 8, 0]), np.array([True, True, False]))


def make(text=None, **changes):
    return Encoding.of(replace(CONFIG, **changes), FIGURES, FIGURES, text or Vocabulary.fit(["pick the red can"]))


def pictures(*names, height=48, width=64):
    rng = np.random.default_rng(3)
    return {name: rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for name in names or CONFIG.cameras}


@pytest.mark.parametrize("choices", CHOICES)
def test_undo_gives_absolute_actions_back(choices):
    encoding = make(**choices)
    rng = np.random.default_rng(1)
    actions = rng.normal(size=(4, 6, DIMENSIONS)).astype(np.float32)
    state = rng.normal(size=(4, DIMENSIONS)).astype(np.float32)
    before = actions.copy(), state.copy()
    normalised = encoding.chunk(actions, state)
    back = encoding.undo_chunk(normalised, state)
    assert normalised.dtype == back.dtype == np.float32
    active = encoding.action.active
    assert active.all() == (choices["small_ranges"] == "widen")
    np.testing.assert_allclose(back[..., active], actions[..., active], rtol=0.0, atol=2e-6)
    np.testing.assert_array_equal((actions, state)[0], before[0])
    np.testing.assert_array_equal((actions, state)[1], before[1])
    # A batch is its chunks one by one.
    np.testing.assert_array_equal(normalised[2], encoding.chunk(actions[2], state[2]))
    np.testing.assert_array_equal(back[2], encoding.undo_chunk(normalised[2], state[2]))


@pytest.mark.parametrize("choices", CHOICES)
def test_networks_space_undone_and_done_again_is_the_same(choices):
    encoding = make(**choices)
    normalised = np.random.default_rng(1).normal(size=(6, DIMENSIONS)).astype(np.float32) * encoding.action_active
    state = VECTORS[7]
    np.testing.assert_allclose(
        encoding.chunk(encoding.undo_chunk(normalised, state), state), normalised, rtol=0.0, atol=2e-4
    )


@pytest.mark.parametrize("order", ORDERINGS)
def test_every_number_stands_where_its_joint_does(order):
    encoding = make(order=order, small_ranges="widen")
    places = [NAMES[index] for index in ORDERINGS[order].indices]
    for index, name in enumerate(NAMES):
        state, actions = VECTORS[0].copy(), np.tile(VECTORS[1], (2, 1))
        moved, moved_actions = state.copy(), actions.copy()
        moved[index] += 0.01
        moved_actions[:, index] += 0.01
        changed = np.flatnonzero(encoding.normalised_state(moved) != encoding.normalised_state(state))
        assert [places[place] for place in changed] == [name]
        changed = np.flatnonzero((encoding.chunk(moved_actions, state) != encoding.chunk(actions, state)).all(0))
        assert [places[place] for place in changed] == [name]


@pytest.mark.parametrize("order", ORDERINGS)
def test_activity_is_told_in_the_networks_order(order):
    encoding = make(order=order)
    still = {NAMES[index] for index in range(5, DIMENSIONS, 7)}
    places = [NAMES[index] for index in ORDERINGS[order].indices]
    for active in (encoding.state_active, encoding.action_active):
        assert {name for name, moves in zip(places, active, strict=True) if not moves} == still
    assert not encoding.normalised_state(VECTORS)[:, ~encoding.state_active].any()


def test_relative_actions_of_a_body_that_does_not_move_are_all_equal():
    encoding = make(actions="relative", small_ranges="widen")
    at_rest = [encoding.chunk(np.tile(state, (3, 1)), state) for state in VECTORS[:5]]
    absolute = [NAMES.index(name) for name in NAMES if "gripper" in name or "root" in name]
    joints = np.setdiff1d(np.arange(DIMENSIONS), absolute)
    for chunk in at_rest:
        np.testing.assert_array_equal(chunk[:, joints], at_rest[0][:, joints])
    assert (np.ptp(np.array(at_rest)[..., absolute], axis=0) > 0.01).all()


def test_states_are_limited():
    encoding = make(small_ranges="widen")
    far = encoding.normalised_state(1000.0 * np.sign(VECTORS[0]))
    np.testing.assert_array_equal(far, STATE_LIMIT * np.sign(VECTORS[0]))
    np.testing.assert_allclose(
        encoding.state.undo(encoding.normalised_state(0.5 * FIGURES.q99)), 0.5 * FIGURES.q99, rtol=1e-3, atol=1e-5
    )


def test_an_observation_is_pictures_state_and_words():
    encoding, seen = make(), pictures()
    made = encoding.observation(seen, VECTORS[3], "Pick the can")
    assert made.available.all()
    for view, name in enumerate(CONFIG.cameras):
        np.testing.assert_array_equal(made.images[view], letterbox(seen[name], (32, 32)))
    np.testing.assert_array_equal(made.state, encoding.normalised_state(VECTORS[3]))
    assert made.state.dtype == np.float32
    assert said(encoding.text, made.tokens) == "pick the can"
    assert made.token_mask.tolist() == [True, True, True, False]


def test_the_text_is_told_the_state_as_the_network_would_see_it():
    for proprioception in (True, False):
        text = Listening()
        encoding = make(text, order="humanoid", proprioception=proprioception)
        made = encoding.observation(pictures(), VECTORS[3], "Go")
        ((instruction, state),) = text.told
        assert instruction == "Go"
        assert (state is None) == (not proprioception)
        if proprioception:
            np.testing.assert_array_equal(state, made.state)
        assert made.tokens.tolist() == [7, 8, 0]


def test_an_optional_camera_may_be_missing_and_is_masked():
    encoding = make()
    made = encoding.observation(pictures("right_wrist", "left_wrist", "chest"), VECTORS[0], "pick")
    assert made.available.tolist() == [False, True, True]
    assert not made.images[0].any()
    assert made.images[1:].any()


def test_other_cameras_may_not_be_missing():
    needed = r"needs cameras head \(optional\), left_wrist, right_wrist; the observation has"
    with pytest.raises(MismatchError, match=f"{needed} head, left_wrist"):
        make().observation(pictures("head", "left_wrist"), VECTORS[0], "pick")
    with pytest.raises(MismatchError, match=r"the observation has none"):
        make(optional_cameras=CONFIG.cameras).observation({}, VECTORS[0], "pick")


@pytest.mark.parametrize("size", [(48, 64), (64, 64), (32, 32), (224, 224), (480, 640), (64, 48), (1, 1), (3, 200)])
def test_an_image_of_any_size_is_fitted_as_in_training(size):
    image = pictures("head", height=size[0], width=size[1])["head"]
    seen = make().fit_image(image, "head")
    np.testing.assert_array_equal(seen, letterbox(image, (32, 32)))
    if size == (32, 32):
        assert seen is image
    elif size[0] == size[1]:
        np.testing.assert_array_equal(seen, resize(image, (32, 32)))


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (np.zeros((48, 64, 4), np.uint8), "48 x 64 x 4 uint8"),
        (np.zeros((48, 64), np.uint8), "48 x 64 uint8"),
        (np.zeros((48, 64, 3), np.float32), "48 x 64 x 3 float32"),
        (np.zeros((0, 64, 3), np.uint8), "0 x 64 x 3 uint8"),
    ],
)
def test_what_is_no_picture_is_refused(image, found):
    with pytest.raises(MismatchError, match=f"camera 'head' delivers {found}; an image is height x width x 3 uint8"):
        make().fit_image(image, "head")


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_state_must_be_finite(broken):
    state = VECTORS[0].copy()
    state[[NAMES.index("left_knee"), NAMES.index("root_roll")]] = broken
    with pytest.raises(InputError, match=r"the state has no finite left_knee, root_roll\.$"):
        make().observation(pictures(), state, "pick")


def test_what_is_no_state_is_refused():
    for wrong in (VECTORS[:2], VECTORS[0, :29]):
        with pytest.raises(MismatchError, match=r"state must have shape \[34\], got"):
            make().observation(pictures(), wrong, "pick")
    with pytest.raises(MismatchError, match=r"state must have 34 entries, got an array of shape \[29\]"):
        make().normalised_state(VECTORS[0, :29])
    with pytest.raises(MismatchError, match=r"action must have 34 entries"):
        make().chunk(VECTORS[:3, :29], VECTORS[0])


def test_words_that_the_policy_does_not_know_are_refused():
    with pytest.raises(InputError, match="does not know 'jug'"):
        make().observation(pictures(), VECTORS[0], "pick the jug")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"cameras": ()}, "needs cameras, each once, got none"),
        ({"cameras": ("head", "head")}, "each once, got head, head"),
        ({"optional_cameras": ("chest",)}, "optional cameras chest are not among head"),
        ({"recorded_sizes": ()}, "recorded_sizes must list"),
        ({"horizon": 0}, "got horizon 0"),
        ({"image_size": (0, 32)}, r"image size \(0, 32\)"),
    ],
)
def test_what_cannot_be_chosen_is_refused(changes, text):
    with pytest.raises(InputError, match=text):
        replace(CONFIG, **changes)


@pytest.mark.parametrize("choices", CHOICES)
def test_choices_survive_a_document(choices):
    config = replace(CONFIG, **choices, proprioception=False)
    assert from_document(EncodingConfig, to_document(config)) == config


@pytest.mark.parametrize("actions", ["absolute", "relative"])
@pytest.mark.parametrize("image_size", [(32, 32), (24, 48)])
def test_a_recorded_row_is_seen_as_a_live_observation_of_it(make_dataset, observe_row, actions, image_size):
    episodes = open_dataset(make_dataset(side=32, lacking=(1,))).episodes
    figures = statistics(episodes)
    config = EncodingConfig(
        cameras=("head", "wrist"),
        optional_cameras=("wrist",),
        recorded_sizes=((32, 32),),
        image_size=image_size,
        horizon=8,
        actions=actions,
    )
    action = relative_statistics(episodes, 8) if actions == "relative" else figures.action
    vocabulary = Vocabulary.fit(episode.info.instruction for episode in episodes)
    encoding = Encoding.of(config, figures.state, action, vocabulary)
    samples = Samples(episodes, cameras=config.cameras, horizon=8)
    for number in (0, 20, 30, 40):
        sample = samples[number]
        there = {name: image for name, image in sample.images.items() if sample.available[name]}
        recorded = encoding.observation(there, sample.state, sample.instruction)
        live = observe_row(*samples.locate(number))
        images = {name: frame.image for name, frame in live.frames.items()}
        seen = encoding.observation(images, live.state, live.instruction)
        for mine, other in zip(recorded, seen, strict=True):
            np.testing.assert_array_equal(mine, other)
        assert recorded.available.tolist() == [True, number not in (30, 40)]
        # The chunk that the row teaches is the one that a perfect network would make the robot do.
        played = encoding.undo_chunk(encoding.chunk(sample.action, sample.state), live.state)
        moves = encoding.action.active
        np.testing.assert_allclose(played[:, moves], sample.action[:, moves], rtol=0.0, atol=1e-6)


@pytest.fixture
def observe_row():
    """The observation that a live robot would make at a row of an episode."""

    def observe(episode, row):
        stamp_ns = int(episode.stamp_ns[row])
        frames = {name: CameraFrame(stamp_ns, episode.images(name, [row])[0]) for name in episode.cameras}
        return Observation(stamp_ns, episode.state[row], frames, episode.info.instruction)

    return observe
