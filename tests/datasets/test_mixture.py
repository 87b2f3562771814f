"""A mixture takes what it says, as often as it says, or says what is wrong in one line."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from hlm.core.errors import CorruptError, InputError, MismatchError, MissingFileError, UnknownNameError
from hlm.datasets.loader import Samples
from hlm.datasets.mixture import Mixture, MixtureConfig, MixtureEntry, open_mixture, read_config
from hlm.datasets.schema import EpisodeInfo
from hlm.datasets.statistics import statistics, vector_statistics
from hlm.datasets.writer import DatasetWriter


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))


def write(maker, path, infos, steps=1, cameras=None):
    """A dataset of episodes with these descriptions."""
    with DatasetWriter.open(path, maker.spec) as writer:
        for number, info in enumerate(infos):
            with writer.episode(EpisodeInfo(**{"instruction": "wave", "source": "teleop", **info})) as episode:
                for step in range(steps):
                    whole = maker.step(number % 5, step)
                    images = {name: whole.images[name] for name in cameras or maker.spec.cameras}
                    episode.append(replace(whole, images=images))
                episode.commit(outcome=info.get("outcome", "success"))
    return path


@pytest.fixture
def record(maker, tmp_path):
    """Writes a dataset into the test's folder, with another specification where `spec` says so."""

    def make(name, infos, **spec):
        return write(replace(maker, spec=replace(maker.spec, **spec)), tmp_path / name, infos)

    return make


@pytest.fixture(scope="module")
def two(maker, tmp_path_factory):
    """60 steps of teleoperation, and 20 of HuMI without a head camera; not to be changed."""
    folder = tmp_path_factory.mktemp("two")
    humi = [{"source": "humi", "instruction": "point"}] * 2
    return (
        write(maker, folder / "teleop.zarr", [{}] * 4, steps=15),
        write(maker, folder / "humi.zarr", humi, steps=10, cameras=("left_wrist",)),
    )


def mix(*entries, **changes):
    return Mixture.open(MixtureConfig(datasets=tuple(MixtureEntry(**entry) for entry in entries), **changes))


def numbers(part):
    return [episode.number for episode in part.episodes]


def test_by_default_every_step_is_as_likely_as_any_other(two):
    teleop, humi = two
    mixture = mix({"path": teleop}, {"path": humi})
    assert [part.steps for part in mixture.parts] == [60, 20]
    assert mixture.steps == len(Samples(mixture.episodes, image_size=(8, 8))) == 80
    assert mixture.sampler().asked == (0.75, 0.25)
    assert mixture.sampler().drawn(80) == pytest.approx((60, 20), abs=8)
    assert mixture.statistics().to_dict() == statistics(mixture.episodes).to_dict()


def test_weights_are_shares_of_samples(two):
    teleop, humi = two
    mixture = mix({"path": teleop, "weight": 1.0}, {"path": humi, "weight": 3.0})
    samples = Samples(mixture.episodes, image_size=(8, 8))
    drawn = Counter(samples[number].source for number in islice(mixture.sampler(seed=2), 4096))
    assert drawn == {"teleop": 1024, "humi": 3072}


def test_statistics_are_those_of_what_is_drawn(two):
    mixture = mix({"path": two[0], "weight": 1.0}, {"path": two[1], "weight": 4.0})
    # Ten epochs of the first dataset and 120 of the second.
    steps = np.concatenate([episode.state for episode in mixture.episodes])
    counts = np.bincount([*islice(mixture.sampler(), 4096)], minlength=80)
    drawn = vector_statistics(steps, counts.astype(float) + 1e-12)
    asked = mixture.statistics().state
    spread = np.ptp(steps[:, 0])
    assert abs(asked.mean - drawn.mean).max() < 0.01 * spread
    assert abs(asked.std - drawn.std).max() < 0.01 * spread
    whole = np.repeat(steps, [1] * 60 + [12] * 20, axis=0)
    np.testing.assert_array_equal(asked.q01, np.quantile(whole, 0.01, axis=0, method="inverted_cdf"))
    np.testing.assert_array_equal(asked.q99, np.quantile(whole, 0.99, axis=0, method="inverted_cdf"))
    np.testing.assert_allclose(asked.mean, whole.mean(0, dtype=np.float64), rtol=1e-6)


def test_a_source_that_lacks_a_camera_is_masked(two):
    mixture = mix({"path": two[0]}, {"path": two[1]})
    assert mixture.cameras == ("head", "left_wrist")
    for sample in Samples(mixture.episodes):
        assert sample.available == {"head": sample.source == "teleop", "left_wrist": True}


def test_filters_apply_in_order_and_count_what_they_remove(record):
    infos = [
        {"source": source, "outcome": outcome, "task": task, "instruction": instruction}
        for source in ("teleop", "humi")
        for outcome in ("success", "failure", "unlabelled")
        for task in ("shelf", "cola")
        for instruction in ("take the red cup", "wave")
    ]
    (part,) = mix(
        {
            "path": record("all.zarr", infos),
            "source": ("humi",),
            "outcome": ("success", "unlabelled"),
            "instruction": ("take the * cup",),
            "task": ("shelf",),
            "first": 2,
            "subset": 1,
        }
    ).parts
    assert dict(part.removed) == {"source": 12, "outcome": 4, "instruction": 4, "task": 2, "first": 0, "subset": 1}
    assert len(part.episodes) == 1
    assert set(numbers(part)) < {12, 20}


def test_failures_are_left_out_unless_asked_for(record):
    path = record("some.zarr", [{}, {"outcome": "failure"}, {}])
    (part,) = mix({"path": path}).parts
    assert numbers(part) == [0, 2]
    assert dict(part.removed) == {"outcome": 1}
    (part,) = mix({"path": path, "outcome": ("*",)}).parts
    assert numbers(part) == [0, 1, 2]


def test_smaller_subsets_are_part_of_larger_ones(record):
    path = record("many.zarr", [{}] * 10)
    subsets = {count: set(numbers(mix({"path": path, "subset": count}, seed=4).parts[0])) for count in range(1, 11)}
    assert all(len(subset) == count for count, subset in subsets.items())
    assert all(subsets[count] < subsets[count + 1] for count in range(1, 10))
    assert subsets[5] != set(range(5))
    assert subsets[5] != set(numbers(mix({"path": path, "subset": 5}, seed=5).parts[0]))


def test_a_subset_stays_when_other_episodes_go(record):
    outcomes = ["success"] * 10
    kept = numbers(mix({"path": record("a.zarr", [{"outcome": one} for one in outcomes]), "subset": 4}).parts[0])
    unlucky = next(number for number in range(10) if number not in kept)
    outcomes[unlucky] = "failure"
    assert (
        numbers(mix({"path": record("b.zarr", [{"outcome": one} for one in outcomes]), "subset": 4}).parts[0]) == kept
    )


def test_a_prompt_takes_the_place_of_the_instruction(two):
    mixture = mix({"path": two[0], "prompt": "wave slowly"}, {"path": two[1]})
    told = Counter(sample.instruction for sample in Samples(mixture.episodes))
    assert told == {"wave slowly": 60, "point": 20}


def test_a_file_says_the_same(two, tmp_path):
    teleop, humi = two
    (tmp_path / "mixtures").mkdir()
    (tmp_path / "teleop.zarr").symlink_to(teleop)
    file = tmp_path / "mixtures" / "both.yaml"
    file.write_text(
        "seed: 3\ndatasets:\n  - path: ../teleop.zarr\n    weight: 2\n    subset: 3\n"
        f"  - path: {humi}\n    weight: 0.5\n    source: humi\n    outcome: [success, unlabelled]\n    prompt: point\n"
    )
    assert read_config(file) == MixtureConfig(
        datasets=(
            MixtureEntry(path=tmp_path / "mixtures" / ".." / "teleop.zarr", weight=2.0, subset=3),
            MixtureEntry(path=humi, weight=0.5, source=("humi",), outcome=("success", "unlabelled"), prompt="point"),
        ),
        seed=3,
    )
    assert [len(part.episodes) for part in open_mixture(file).parts] == [3, 2]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("datasets: [{path: a.zarr, wieght: 2}]", UnknownNameError, "'wieght'.*Did you mean 'weight'"),
        ("dataset: [{path: a.zarr}]", UnknownNameError, "'dataset'.*Did you mean 'datasets'"),
        ("datasets: [{path: a.zarr, outcome: sucess}]", UnknownNameError, "no outcome 'sucess'.*'success'"),
        ("datasets: [{path: a.zarr, source: [telop]}]", UnknownNameError, "no source 'telop'.*'teleop'"),
        ("datasets: [{path: a.zarr, weight: 0}]", InputError, r"weight of a\.zarr must be positive, got 0"),
        ("datasets: [{path: a.zarr, weight: -1}]", InputError, r"weight of a\.zarr must be positive, got -1"),
        ("datasets: [{path: a.zarr, weight: 1e308}]", InputError, r"weight of a\.zarr must be at most 1e\+100, got 1e"),
        ("datasets: [{path: a.zarr, weight: .nan}]", InputError, "must be positive, got nan"),
        ("datasets: [{path: a.zarr, weight: .inf}]", InputError, "must be positive, got inf"),
        ("datasets: [{path: a.zarr, weight: two}]", InputError, "weight must be a number, got 'two'"),
        ("datasets: [{path: a.zarr, weight: 1}, {path: b.zarr}]", InputError, r"b\.zarr has no weight, others have"),
        ("datasets: [{path: a.zarr, first: 0}]", InputError, r"'first' of a\.zarr must be at least 1, got 0"),
        ("datasets: [{path: a.zarr, subset: 2.5}]", InputError, r"subset must be an integer, got 2\.5"),
        ("datasets: [{path: a.zarr, prompt: ' '}]", InputError, "the prompt of .* is empty"),
        ("datasets: [{weight: 1}]", InputError, "lacks 'path'"),
        ("datasets: [a.zarr]", InputError, "must be a mapping, got str"),
        ("datasets: []", InputError, "at least one dataset"),
        ("datasets: a.zarr", InputError, "datasets must be a list, got 'a.zarr'"),
        ("seed: -1\ndatasets: [{path: a.zarr}]", InputError, "seed of a mixture must not be negative"),
        ("", CorruptError, "must hold lines such as"),
        ("datasets: [", CorruptError, "is not valid YAML"),
        ("\x00", CorruptError, "is not valid YAML"),
        ("datasets: !!python/object/apply:os.system [true]", CorruptError, "is not valid YAML"),
        ("[" * 2000, CorruptError, "is not valid YAML"),
        ("datasets: []\ndatasets: []", CorruptError, "'datasets' is given 2 times"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path, text, error, message):
    file = tmp_path / "mixture.yaml"
    file.write_text(text)
    with pytest.raises(error, match=message) as raised:
        open_mixture(file)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MissingFileError, match=r"no mixture at .*x\.yaml: there is nothing"):
        open_mixture(tmp_path / "x.yaml")
    with pytest.raises(MissingFileError, match="this is a folder; a mixture is a YAML file"):
        open_mixture(tmp_path)


def test_a_dataset_that_is_not_there_is_named(tmp_path):
    (tmp_path / "teleop.zarr").mkdir()
    (tmp_path / "m.yaml").write_text("datasets: [{path: teleo.zarr}]")
    with pytest.raises(MissingFileError, match=r"no dataset at .*teleo\.zarr: .*Did you mean '.*teleop\.zarr'"):
        open_mixture(tmp_path / "m.yaml")


def test_filters_that_leave_nothing_say_what_they_removed(record):
    path = record("none.zarr", [{}, {"source": "humi", "outcome": "failure"}, {"source": "humi", "outcome": "failure"}])
    with pytest.raises(
        InputError,
        match=r"no episode of .*none\.zarr with outcome 'success'; there is 'failure'\. "
        r"Of 3 episodes, source removed 1, outcome removed the other 2\.$",
    ):
        mix({"path": path, "source": ("humi",)})
    with pytest.raises(
        InputError, match=r"'subset' asks for 3 episodes of .*, 1 are left\. Of 3 episodes, outcome removed 2\.$"
    ):
        mix({"path": path, "subset": 3})
    with pytest.raises(InputError, match=r"asks for 4 episodes .*Of 3 episodes, no filter removed any\.$"):
        mix({"path": path, "outcome": (), "subset": 4})
    with pytest.raises(
        InputError, match=r"instruction 'point'.*there is 'wave'.*outcome removed 2, instruction removed"
    ):
        mix({"path": path, "instruction": ("point",)})


def test_datasets_of_different_robots_or_rates_do_not_mix(record, two):
    slow = record("slow.zarr", [{}], rate_hz=10.0)
    other = record("h1.zarr", [{}], embodiment="unitree_h1")
    with pytest.raises(MismatchError, match=r"slow\.zarr has rate_hz 10\.0, .*teleop\.zarr has 30\.0"):
        mix({"path": two[0]}, {"path": slow})
    with pytest.raises(MismatchError, match=r"h1\.zarr has embodiment unitree_h1, .*teleop\.zarr has unitree_g1"):
        mix({"path": two[0]}, {"path": other})


def test_images_of_different_sizes_mix_at_an_asked_size(record, two):
    large = record("large.zarr", [{}], cameras={"head": (32, 32)})
    samples = Samples(mix({"path": two[0]}, {"path": large}).episodes, image_size=(4, 4))
    assert {image.shape for sample in samples for image in sample.images.values()} == {(4, 4, 3)}
