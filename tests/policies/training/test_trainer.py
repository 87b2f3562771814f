import io
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from rich.console import Console

from hlm.core.documents import to_document
from hlm.core.errors import ExistsError, InputError, MismatchError, MissingFileError, UnknownNameError
from hlm.core.layout import GROUPS
from hlm.core.seeds import seeds_within
from hlm.policies.augmentation_config import AugmentationConfig
from hlm.policies.checkpoint import read_checkpoint, read_training
from hlm.policies.checkpoint_config import read_config, set_sampling
from hlm.policies.compact import policy_type as kind
from hlm.policies.load_report import LoadReport
from hlm.policies.trained import load_policy
from hlm.policies.training import batches
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.display import Display
from hlm.policies.training.reports import Reports
from hlm.policies.training.resuming import resuming
from hlm.policies.training.run import prepare
from hlm.policies.training.saving import DivergedError, Saver
from hlm.policies.training.state import TrainState
from hlm.policies.training.trainer import train

HISTORY_OF_VALIDATION = "validation_"


def same(first, second):
    """Whether two documents of tensors, numbers and lists are equal, bit for bit."""
    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second or (first != first and second != second)


def learnt(path):
    """Everything that training changed, clocks apart: weights, average, optimizer, position, last validation."""
    state = read_training(path)
    figures = {name: values[-1] for name, values in state["history"].items() if name.startswith(HISTORY_OF_VALIDATION)}
    assert not figures or f"{HISTORY_OF_VALIDATION}chunk_square_3" in figures
    kept = {name: state[name] for name in ("model", "ema", "optimizer", "step", "steps", "bfloat16", "samples")}
    return kept | {"validation": figures, "served": dict(read_checkpoint(path).weights)}


@pytest.fixture(scope="session")
def whole_path(dataset_path, tmp_path_factory):
    """What six updates at a time make, in one go; see `parts`."""
    return tmp_path_factory.mktemp("whole") / "run"


@pytest.mark.parametrize("stops", [(3,), (0, 1, 4)])
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(tiny_config, whole_path, tmp_path, stops):
    if not whole_path.exists():
        train(tiny_config(out=whole_path))
    parts = tmp_path / "parts"
    for place, stop in enumerate(stops):
        config = resuming(parts) if place else tiny_config(out=parts)
        train(config, stop_after=stop)
    assert read_checkpoint(parts).step == sum(stops)
    train(resuming(parts))
    first, second = learnt(whole_path), learnt(parts)
    for name, value in first.items():
        assert same(value, second[name]), name


@pytest.mark.parametrize("changes", [{"workers": 2}, {"save_every_minutes": 1e-9}, {"threads": 2}])
def test_what_is_learnt_does_not_depend_on_workers_and_saving(tiny_config, whole_path, tmp_path, changes):
    if not whole_path.exists():
        train(tiny_config(out=whole_path))
    first, second = learnt(whole_path), learnt(train(tiny_config(out=tmp_path / "other", **changes)))
    if "threads" in changes:  # that sums in another order
        torch.testing.assert_close(first["model"], second["model"], rtol=1e-3, atol=1e-5)
    else:
        for name, value in first.items():
            assert same(value, second[name]), name


def test_everything_random_depends_on_the_seed(tiny_config, tmp_path):
    first, second, third = (
        learnt(train(tiny_config(out=tmp_path / name, seed=seed, steps=2, validation_fraction=0.0)))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert same(first, second)
    assert not same(first["model"], third["model"])


def test_training_leaves_the_global_random_state_alone(tiny_config):
    torch.manual_seed(11)
    before = torch.get_rng_state()
    train(tiny_config(steps=1))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_weights_that_are_served_are_the_moving_average(tiny_config, monkeypatch):
    live, update = [], TrainState.update

    def watched(state, *arguments):
        if not live:
            live.append({name: weight.detach().clone() for name, weight in state.bare.named_parameters()})
        terms = update(state, *arguments)
        live.append({name: weight.detach().clone() for name, weight in state.bare.named_parameters()})
        return terms

    monkeypatch.setattr(TrainState, "update", watched)
    path = train(tiny_config(ema_decay=0.5, learning_rate=1e-2, validation_fraction=0.0))
    served, state = read_checkpoint(path).weights, read_training(path)
    for name, start in live[0].items():
        average = start
        for step, weights in enumerate(live[1:], 1):
            decay = min(0.5, (1.0 + step) / (10.0 + step))
            average = torch.lerp(average, weights[name], 1.0 - decay)
        torch.testing.assert_close(served[name], average, rtol=1e-5, atol=1e-6)
        assert torch.equal(state["model"][name], live[-1][name])
        assert torch.equal(state["ema"][name], served[name])
    assert sum(not torch.equal(served[name], live[-1][name]) for name in served) > len(served) / 2


def test_resuming_takes_the_saved_settings_and_refuses_others(tiny_config):
    path = train(tiny_config(), stop_after=1)
    assert replace(resuming(path), resume=None) == tiny_config(out=path)
    objective = replace(tiny_config().policy_config.objective, flow_draws=3)
    for changes, said in (
        ({"batch_size": 16}, "was started with batch_size 8, not 16; resuming cannot change it"),
        ({"order": "humanoid"}, "with order bimanual, not humanoid"),
        (
            {"policy_config": replace(tiny_config().policy_config, objective=objective)},
            r"with compact.objective.flow_draws 2, not 3",
        ),
        ({"out": path.parent / "elsewhere"}, "was started with out"),
    ):
        with pytest.raises(InputError, match=said):
            train(resuming(path, **changes))
    train(resuming(path, workers=1, save_every_minutes=9.0, max_minutes=7.0))
    assert read_training(path)["step"] == 6
    assert read_config(path).training["max_minutes"] == 7.0
    assert read_config(path).training["workers"] == 1


def test_how_a_checkpoint_is_to_be_served_outlives_resuming(tiny_config):
    path = train(tiny_config(steps=2, validation_fraction=0.0), stop_after=1)
    set_sampling(path, euler_steps=9, execution_horizon=5)
    train(resuming(path))
    policy = load_policy(path)
    assert (policy.euler_steps, policy.spec.execution_horizon) == (9, 5)


def test_defaults_of_other_kinds_may_change_between_a_run_and_its_resuming(tiny_config):
    path = train(tiny_config(steps=2, validation_fraction=0.0), stop_after=1)
    assert read_config(path).training.keys().isdisjoint({"pi05", "smolvla", "act"})
    assert resuming(path).policy_config == tiny_config().policy_config


def test_a_checkpoint_knows_the_seeds_that_it_learnt_from(tiny_config, make_dataset):
    data = make_dataset(episodes=10, told=lambda number: {"seed": 100 + number} if number < 8 else {"seed": None})
    path = train(tiny_config(datasets=(data,), steps=2, validation_fraction=0.2), stop_after=1)
    run = prepare(resuming(path), "", Display(Console(file=io.StringIO())))
    held_out = {episode.info.seed for episode in run.data.validation}
    learnt_from = {episode.info.seed for episode in run.data.episodes} - {None}
    assert held_out - {None} and not held_out & learnt_from - {None}
    seeds = read_config(path).training_seeds
    assert seeds.keys() == {"reach"}
    assert seeds_within(range(200), seeds["reach"]) == sorted(learnt_from)
    file = path / "config.yaml"
    document = yaml.safe_load(file.read_text())
    del document["training_seeds"]  # As an older hlm wrote it.
    file.write_text(yaml.safe_dump(document))
    assert read_config(path).training_seeds is None
    train(resuming(path))
    assert read_config(path).training_seeds == seeds


def test_resuming_needs_the_same_episodes(make_dataset, tiny_config):
    path = train(tiny_config(datasets=(make_dataset(),), validation_fraction=0.0), stop_after=1)
    make_dataset(episodes=2, scene=50)
    with pytest.raises(MismatchError, match="have changed since the run began"):
        train(resuming(path))


def test_a_run_that_is_finished_stays_as_it_is(tiny_config):
    path = train(tiny_config(steps=1))
    before = learnt(path)
    train(resuming(path))
    assert same(before, learnt(path))


def test_a_checkpoint_without_training_state_cannot_be_resumed(tiny_config):
    path = train(tiny_config(validation_fraction=0.0), stop_after=1)
    (path / "training.pt").unlink()
    assert read_checkpoint(path).step == 1
    with pytest.raises(MissingFileError, match="can be served but not resumed"):
        train(resuming(path))


def test_a_checkpoint_that_is_not_there_cannot_be_resumed(tmp_path):
    with pytest.raises(MissingFileError, match="no checkpoint at"):
        resuming(tmp_path / "nothing")


def test_what_became_of_pretrained_weights_outlives_resuming(tiny_config, monkeypatch):
    report = LoadReport(origin="elsewhere", loaded=("a", "b"), random={"action_out.bias": "another size"})
    monkeypatch.setattr(kind, "initialise", lambda network, settings: report)
    path = train(tiny_config(steps=2, validation_fraction=0.0), stop_after=1)
    monkeypatch.undo()
    train(resuming(path))
    page = (path / "card.md").read_text()
    assert "- elsewhere: 2 tensors loaded unchanged" in page
    assert "- 1 newly initialised (another size): action_out.bias" in page


def test_an_existing_run_is_not_overwritten(tiny_config, tmp_path):
    config = tiny_config(steps=1)
    train(config)
    with pytest.raises(ExistsError, match=r"--resume .* to continue it, or choose another --out"):
        train(config)
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(ExistsError, match=r"notes is a file, and a checkpoint is a folder; choose another --out"):
        train(tiny_config(out=tmp_path / "notes"))


def test_a_small_network_learns_two_episodes_by_heart(make_dataset, tiny_config, prepared):
    plain = replace(
        tiny_config().policy_config,
        objective=replace(
            tiny_config().policy_config.objective, state_noise=0.0, state_dropout=0.0, counterfactual=0.5
        ),
    )
    data = make_dataset(episodes=2, rows=16)
    path = train(
        tiny_config(
            datasets=(data,),
            policy_config=plain,
            augmentation=AugmentationConfig(),
            validation_fraction=0.0,
            batch_size=16,
            steps=40,
            learning_rate=2e-2,
            ema_decay=0.5,
        )
    )
    history = read_training(path)["history"]
    assert history["step"] == [20.0, 40.0]
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["asked_error_cm"][-1] < 0.8 * history["asked_error_cm"][0]


def test_a_run_leaves_everything_that_a_checkpoint_has(trained_path):
    names = {entry.name for entry in trained_path.iterdir()}
    files = {"model.safetensors", "config.yaml", "statistics.json", "training.pt", "SHA256SUMS", "card.md", "loss.png"}
    assert names == files | {"tensorboard"}
    card = (trained_path / "card.md").read_text()
    for told in (
        "6 of 6 episodes (6 scripted)",
        "realised fraction of tiny: 1.0000",
        "`hlm train --datasets tiny.zarr`",
        "- 4 updates, 8 samples each, seed 0",
        "chunks of 16 absolute actions, bimanual order",
        "proprioception: yes",
        "3 Euler steps, execution horizon 8 actions",
        "| mean absolute error, right arm |",
        "| jerk, demonstrations = 1 |",
    ):
        assert told in card
    assert (trained_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_figures_of_validation_are_kept_and_logged(trained_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained_path / "tensorboard"))
    events.Reload()
    logged = set(events.Tags()["scalars"])
    history = read_training(trained_path)["history"]
    for steps in (1, 3, 10):
        assert {f"validation_{name}_{steps}" for name in ("chunk_square", "jerk")} <= history.keys() & logged
        for part in GROUPS:
            figure = f"validation_error_{steps}/{part.replace(' ', '_')}"
            assert figure in logged
            assert events.Scalars(figure)[-1].step == 4
            assert events.Scalars(figure)[-1].value == pytest.approx(history[figure][-1], rel=1e-5)
    assert {"loss", "auxiliary", "data_error", "samples_per_s", "fraction/tiny"} <= logged
    assert history["step"] == history["validation_step"] == [4.0]


def test_a_card_says_of_which_update_its_validation_is(tiny_config):
    config = tiny_config(steps=9, save_every_minutes=1e-9)
    path = train(config, stop_after=2)
    assert "After 2 updates: sampled chunks" in (path / "card.md").read_text()
    # One who is in a hurry validates nothing, and does not forget what there is.
    with torch.random.fork_rng(devices=[]):
        run = prepare(resuming(path), "", Display(Console(file=io.StringIO())))
    Saver(run, print).save(Reports(config, 2, print, wanted=False), needed=True, quick=True)
    assert "After 2 updates: sampled chunks" in (path / "card.md").read_text()
    assert "After 9 updates: sampled chunks" in (train(resuming(path)) / "card.md").read_text()


def test_a_resumed_run_keeps_the_figures_of_the_update_that_it_goes_on_from(tiny_config):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    path = train(tiny_config(), stop_after=3)
    train(resuming(path))
    events = EventAccumulator(str(path / "tensorboard"))
    events.Reload()
    for name in ("loss", "validation_loss"):
        assert [event.step for event in events.Scalars(name)] == [3, 6]


def test_a_mixture_is_told_per_source(dataset_path, make_dataset, tiny_config, tmp_path):
    other = make_dataset("other.zarr", episodes=4, scene=10)
    mixture = tmp_path / "mixture.yaml"
    entries = [{"path": str(dataset_path), "weight": 3}, {"path": str(other), "weight": 1}]
    mixture.write_text(yaml.safe_dump({"datasets": entries}))
    path = train(tiny_config(mixture=mixture, steps=20, batch_size=8, validation_fraction=0.0))
    run = prepare(resuming(path), "", Display(Console(file=io.StringIO())))
    fractions = run.data.fractions(0, 160)
    card = (path / "card.md").read_text()
    for name in ("tiny", "other"):
        assert f"realised fraction of {name}: {fractions[name]:.4f}" in card
    assert fractions["tiny"] == pytest.approx(0.75, abs=0.1)
    state = read_training(path)
    assert state["history"]["loss/tiny"] != state["history"]["loss/other"]
    assert min(state["history"]["loss/tiny"] + state["history"]["loss/other"]) > 0.0
    assert [entry["weight"] for entry in read_config(path).mixture["datasets"]] == [3.0, 1.0]


def test_statistics_are_those_of_what_the_mixture_draws(dataset_path, make_dataset, prepared, tmp_path):
    other = make_dataset("other.zarr", episodes=2, scene=10, rows=8)
    mixture = tmp_path / "mixture.yaml"

    def mean(weight):
        entries = [{"path": str(dataset_path), "weight": 1.0}, {"path": str(other), "weight": weight}]
        mixture.write_text(yaml.safe_dump({"datasets": entries}))
        return prepared(mixture=mixture, validation_fraction=0.0).statistics.action.mean

    lone, both, mostly = mean(1e-9), mean(1.0), mean(1e9)
    np.testing.assert_allclose(both, 0.5 * (lone + mostly), rtol=1e-5, atol=1e-6)


def test_default_cameras_of_the_augmentation_need_not_be_there(prepared, monkeypatch):
    default = AugmentationConfig(geometric=("head",), crop=0.9)
    config = TrainConfig(augmentation=default)
    monkeypatch.setattr(TrainConfig, "for_policy", lambda policy: config)
    assert prepared(augmentation=default, cameras=("wrist",)).config.augmentation.geometric == ()
    assert prepared(augmentation=default).config.augmentation.geometric == ("head",)


def test_cameras_of_the_augmentation_that_a_person_names_must_be_there(prepared, tmp_path):
    with pytest.raises(UnknownNameError, match=r"no camera 'haed'\. Known: head, wrist\. Did you mean 'head'"):
        prepared(augmentation=AugmentationConfig(geometric=("haed",), crop=0.9))
    assert not (tmp_path / "run").exists()
    config = prepared(augmentation=AugmentationConfig(geometric=("wrist",), crop=0.9)).config
    assert config.augmentation.geometric == ("wrist",)


def test_augmentation_belongs_to_training_alone(tiny_config, monkeypatch):
    seen = []
    augment = batches.augment
    monkeypatch.setattr(batches, "augment", lambda *what: seen.append(what) or augment(*what))
    path = train(tiny_config(steps=2))
    assert read_config(path).training["augmentation"] == to_document(AugmentationConfig.compact())
    assert len(seen) == 2
    images, cameras, config, _ = seen[0]
    assert images.shape == (8, 2, 32, 32, 3)
    assert cameras == ("head", "wrist")
    assert config == AugmentationConfig.compact()


def test_time_may_be_over_before_the_updates_are(tiny_config, run_with_clock):
    config = tiny_config(steps=24, max_minutes=1.0, batch_size=2, validation_fraction=0.0)
    run, said = run_with_clock(config)
    stopped = run.state.step
    assert 1 < stopped < 24
    out = config.out
    assert f"time limit of 1 minutes reached after {stopped} of 24 updates; " in said
    assert f"continue with: hlm train --resume {out} --max-minutes MORE" in said
    assert f"{stopped} updates of 24 planned: unfinished" in (out / "card.md").read_text()
    assert read_training(out)["steps"] == 24
    run, said = run_with_clock(resuming(out))
    assert run.state.step == stopped
    run, _ = run_with_clock(resuming(out, max_minutes=30.0))
    assert run.state.step == 24
    # It learns the same as if there had been time enough at once.
    whole, _ = run_with_clock(replace(config, max_minutes=30.0, out=out.parent / "whole"))
    assert same(learnt(out), learnt(whole.config.out))


def test_a_loss_that_is_no_number_ends_the_run(tiny_config):
    config = tiny_config(learning_rate=1e20, steps=40, warmup_steps=0)
    with pytest.raises(DivergedError, match="Try a lower --learning-rate"):
        train(config)
    assert not (config.out / "model.safetensors").exists()
