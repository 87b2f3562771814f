import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
import yaml
from rich.console import Console

from hlm.core.errors import InputError, MismatchError, UnknownNameError
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter
from hlm.policies.training import saving
from hlm.policies.training.display import Display
from hlm.policies.training.plots import loss_plot
from hlm.policies.training.run import prepare
from hlm.policies.training.trainer import train
from hlm.policies.training.training_data import mixture_config, open_training_data


@pytest.fixture
def mix(tmp_path):
    """A file of a mixture, of an entry for each dataset."""

    def make(*entries):
        path = tmp_path / "mixture.yaml"
        path.write_text(yaml.safe_dump({"datasets": [entry | {"path": str(entry["path"])} for entry in entries]}))
        return path

    return make


@pytest.fixture
def opened(tiny_config):
    """The data of a run, with what `TrainConfig` takes."""

    def make(**changes):
        config = tiny_config(**changes)
        return open_training_data(config, mixture_config(config))

    return make


def scenes(episodes):
    return {episode.info.scene for episode in episodes}


def test_layouts_are_not_shared_between_training_and_validation(opened):
    data = opened()
    assert data.validation
    assert not scenes(data.episodes) & scenes(data.validation)
    assert len(data.episodes) + len(data.validation) == 6


def test_layouts_stay_together_across_the_parts_of_a_mixture(dataset_path, make_dataset, mix, opened):
    again = make_dataset("again.zarr")
    red = {"path": dataset_path, "instruction": "*red*"}
    blue = {"path": dataset_path, "instruction": "*blue*"}
    for seed in range(4):
        data = opened(mixture=mix(red, blue, {"path": again}), seed=seed, validation_fraction=0.4)
        held_out = scenes(data.validation)
        assert len(held_out) == 1
        assert not held_out & scenes(data.episodes)
        # Both instructions of the first dataset, and the same layout in the second.
        assert len(data.validation) == 4
        assert [len(part) for part in data.training] == [2, 2, 4]


def test_an_episode_that_is_in_several_parts_stays_together(make_dataset, mix, opened):
    path = make_dataset(episodes=8, rows=4, told=lambda number: {"seed": None, "scene": None})
    for seed in range(4):
        data = opened(mixture=mix({"path": path}, {"path": path}), seed=seed, validation_fraction=0.3)
        held_out = {episode.path for episode in data.validation}
        assert len(held_out) == 2 and len(data.validation) == 4
        assert not held_out & {episode.path for episode in data.episodes}


def test_without_a_scene_the_seed_tells_layouts_apart(make_dataset, opened):
    path = make_dataset(rows=4, told=lambda number: {"scene": None, "seed": number // 2})
    data = opened(datasets=(path,))
    assert [episode.info.seed for episode in data.validation] == [data.validation[0].info.seed] * 2


def test_the_split_depends_on_the_seed(make_dataset, opened):
    path = make_dataset(episodes=12, rows=4)
    held_out = {frozenset(scenes(opened(datasets=(path,), seed=seed).validation)) for seed in range(6)}
    assert len(held_out) > 1
    assert len({frozenset(scenes(opened(datasets=(path,), seed=3).validation)) for _ in range(2)}) == 1


def test_without_validation_everything_is_learnt_from(opened):
    data = opened(validation_fraction=0.0)
    assert len(data.episodes) == 6
    assert not data.validation


def test_weights_are_kept_exactly(dataset_path, make_dataset, mix, opened):
    other = make_dataset("other.zarr", episodes=2, scene=10)
    data = opened(
        mixture=mix({"path": dataset_path, "weight": 3}, {"path": other, "weight": 1}), validation_fraction=0.0
    )
    assert data.names == ("tiny", "other")
    assert data.steps == (144, 48)
    for draws in (1, 100, 4096, 8192):
        numbers = list(itertools.islice(data.sampler(5, rank=0, world_size=1, position=0), draws))
        counts = np.bincount(data.dataset_of(np.array(numbers)), minlength=2)
        # Parts are shuffled among each other within 4096 draws.
        assert counts[0] == 0.75 * draws or draws < 4096
        assert data.fractions(5, draws) == {"tiny": counts[0] / draws, "other": counts[1] / draws}
    assert data.fractions(5, 0) == {"tiny": 0.0, "other": 0.0}


def test_datasets_without_weights_count_by_their_rows(dataset_path, make_dataset, opened):
    data = opened(datasets=(dataset_path, make_dataset("other.zarr", episodes=2, scene=10)), validation_fraction=0.0)
    assert data.weights == (144.0, 48.0)
    assert len(set(data.step_weights)) == 1


def test_step_weights_are_how_often_a_step_is_drawn(dataset_path, make_dataset, mix, opened):
    other = make_dataset("other.zarr", episodes=2, scene=10)
    data = opened(
        mixture=mix({"path": dataset_path, "weight": 1}, {"path": other, "weight": 1}), validation_fraction=0.0
    )
    assert data.step_weights == pytest.approx([1 / 144] * 6 + [1 / 48] * 2)


def test_the_same_dataset_twice_has_two_names(dataset_path, mix, opened):
    entries = [{"path": dataset_path, "instruction": f"*{colour}*"} for colour in ("red", "blue")]
    assert opened(mixture=mix(*entries)).names == ("tiny_1", "tiny_2")


def test_no_two_datasets_have_the_same_name(make_dataset, tmp_path, opened):
    (tmp_path / "x").mkdir()
    paths = [make_dataset(name, scene=10 * place) for place, name in enumerate(("d.zarr", "x/d.zarr", "d_1.zarr"))]
    assert opened(datasets=tuple(paths)).names == ("d_2", "d_3", "d_1")


def test_a_prompt_of_a_mixture_is_what_the_policy_learns(dataset_path, mix, prepared):
    run = prepared(mixture=mix({"path": dataset_path, "prompt": "Tidy up!"}))
    words = run.encoding.text.words
    assert {"tidy", "up"} < set(words)
    privileged, slots = run.samples[0].privileged, run.encoding.text.slots
    # The objects are where they were, so that the words are learnt as ever.
    assert privileged["located"]
    told = [1 + words.index("tidy"), 1 + words.index("up"), *[0] * (slots - 2)]
    assert privileged["candidate_tokens"][int(privileged["candidate"])].tolist() == told


@pytest.mark.parametrize("said", ["", " \n"])
def test_episodes_without_an_instruction_are_refused(make_dataset, mix, prepared, said):
    bare = {"instruction": said, "candidates": (), "candidate": None}
    path = make_dataset(told=lambda number: bare if number in (1, 4) else {})
    refused = r"\d of \d training episodes have no instruction, such as .*episode_000001: name the task"
    with pytest.raises(InputError, match=refused):
        prepared(datasets=(path,), validation_fraction=0.0)
    assert prepared(mixture=mix({"path": path, "prompt": "reach"})).encoding.text.encode("reach").mask.any()


@pytest.mark.parametrize(
    ("changed", "said"), [({"rate_hz": 15.0}, r"has rate_hz 15.0, .* has 30.0; a mixture has one rate_hz")]
)
def test_datasets_that_do_not_fit_together_are_refused(dataset_path, make_dataset, opened, changed, said):
    with pytest.raises(MismatchError, match=said):
        opened(datasets=(dataset_path, make_dataset(**changed)))


def test_datasets_of_different_image_sizes_mix(dataset_path, make_dataset, prepared):
    run = prepared(
        datasets=(dataset_path, make_dataset(side=48, scene=10)), validation_fraction=0.0, image_size=(32, 32)
    )
    assert run.encoding.config.recorded_sizes == ((32, 32), (48, 48))
    assert (
        run.samples[0].observation.images.shape
        == run.samples[len(run.samples) - 1].observation.images.shape
        == (2, 32, 32, 3)
    )


def rows_held_out(run):
    return sum(len(raw.numbers) for raw in run.held_out._batches)


def test_episodes_that_no_training_episode_is_like_are_no_validation(make_dataset, prepared):
    # The last scene of four has no image of the wrist, or words of its own.
    dance = {"instruction": "dance", "candidates": (), "candidate": None, "scene": 3}
    views = make_dataset("views.zarr", episodes=8, rows=4, lacking=(6, 7))
    words = make_dataset("words.zarr", episodes=8, rows=4, told=lambda number: dance if number > 5 else {})
    for path, what in ((views, "cameras"), (words, "words")):
        said = io.StringIO()
        run = prepared(said, datasets=(path,), validation_fraction=0.5, seed=2)
        assert {episode.number for episode in run.data.validation} == {4, 5, 6, 7}
        assert "dance" not in run.encoding.text.words
        assert f"2 held-out episodes skipped, with {what} that no training episode has" in said.getvalue()
        assert rows_held_out(run) == 8


def test_a_run_whose_held_out_episodes_are_all_left_out_says_so(make_dataset, tiny_config):
    dance = {"instruction": "dance", "candidates": (), "candidate": None}
    data = make_dataset(episodes=4, rows=4, told=lambda number: dance if number > 1 else {})
    said = io.StringIO()
    for seed in range(4):
        config = tiny_config(datasets=(data,), validation_fraction=0.5, seed=seed, out=data.parent / f"run{seed}")
        with Display(Console(file=said, width=300)) as display:
            run = prepare(config, "", display)
        if {episode.number for episode in run.data.validation} == {2, 3}:
            break
    assert run.held_out is None
    assert said.getvalue().count("no held-out episode is left: the run has no validation\n") >= 1
    path = train(replace(config, steps=1))
    assert "2 training episodes, 0 held out" in (path / "card.md").read_text()


def still(path, rows):
    """One episode in which nothing moves."""
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={"head": (16, 16)})
    info = EpisodeInfo(instruction="hold still", source="scripted")
    with DatasetWriter.open(path, spec) as writer, writer.episode(info) as episode:
        for row in range(rows):
            image = {"head": np.zeros((16, 16, 3), np.uint8)}
            episode.append(Step(round(row * 1e9 / 30.0), np.zeros(34), np.zeros(34), image, {"head": 0.0}))
        episode.commit(outcome="success")
    return path


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (1, "there is a single step to learn from: the policy will only repeat it"),
        (9, "no action moves by 0.02 or more in training: the policy will only learn to hold still"),
    ],
)
def test_data_that_teaches_nothing_is_told_in_one_line(rows, line, tiny_config, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(saving, "loss_plot", loss_plot)
    train(tiny_config(datasets=(still(tmp_path / "still.zarr", rows),), steps=2))
    said = capsys.readouterr()
    assert line in said.err.splitlines()
    assert "Warning" not in said.err + said.out


def test_only_wanted_outcomes_are_learnt_from(opened):
    with pytest.raises(InputError, match=r"failure"):
        opened(outcomes=("failure",))


def test_an_unknown_camera_names_the_known_ones(opened):
    with pytest.raises(UnknownNameError, match=r"no camera 'haed'\. Known: head, wrist\. Did you mean 'head'"):
        opened(cameras=("haed",))


def test_cameras_are_seen_in_the_order_in_which_they_are_named(opened):
    assert opened().cameras == ("head", "wrist")
    assert opened(cameras=("wrist", "head")).cameras == ("wrist", "head")
    assert opened(cameras=("wrist",)).cameras == ("wrist",)


def test_a_run_needs_data(tiny_config):
    with pytest.raises(InputError, match="training needs --datasets"):
        mixture_config(tiny_config(datasets=()))


def test_cameras_that_some_episodes_lack_are_told(make_dataset, opened):
    said = opened(datasets=(make_dataset(rows=4, lacking=(0, 1)),), validation_fraction=0.0).summary
    assert said[1:] == ("camera wrist: in 4 of 6 episodes, masked in the others",)


def test_sources_are_told_in_lines(opened, dataset_path):
    assert opened().summary == (f"{dataset_path}: 6 of 6 episodes (6 scripted), 0.00 h",)


def test_pieces_of_a_recording_stay_together(make_dataset, opened):
    def piece(number):
        return {"seed": None, "scene": None, "extra": {"recording": f"pour/{number // 3}"}}

    path = make_dataset(episodes=12, rows=4, told=piece)
    for seed in range(4):
        data = opened(datasets=(path,), seed=seed, validation_fraction=0.3)
        held_out = {episode.info.extra["recording"] for episode in data.validation}
        assert len(held_out) == 1 and len(data.validation) == 3
        assert not held_out & {episode.info.extra["recording"] for episode in data.episodes}
