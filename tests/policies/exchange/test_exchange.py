import json
import os
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
import yaml
from lerobot.configs import PreTrainedConfig
from lerobot.configs.types import NormalizationMode
from lerobot.rollout.inference.sync import SyncInferenceEngine

from hlm.cli.main import main
from hlm.core.errors import CorruptError, ExistsError, InputError, MismatchError, MissingFileError
from hlm.core.layout import NAMES
from hlm.core.values import CameraFrame
from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.checkpoint_config import read_config
from hlm.policies.exchange.exporting import export_checkpoint
from hlm.policies.exchange.importing import import_policy
from hlm.policies.exchange.normaliser import statistics_of
from hlm.policies.trained import load_policy

KINDS = ("act", "smolvla")
ROBOT = {"embodiment": "unitree_g1", "rate_hz": 30.0}
PREPROCESSOR = "policy_preprocessor.json"


@pytest.fixture(scope="module")
def options(toy, smolvla_config):
    return {"act": toy.act, "smolvla": replace(smolvla_config, max_tokens=40)}


def edit(file, change):
    """Change a JSON file."""
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "changes",
    [{"small_ranges": "widen"}, {"small_ranges": "hold", "still": (3, 20)}, {"proprioception": False}],
    ids=["all", "still", "blind"],
)
def test_lerobot_does_the_same(kind, changes, options, toy, tmp_path):
    path = toy.write(tmp_path / "ours", kind, options[kind], **changes)
    export_checkpoint(path, tmp_path / "theirs")
    ours, theirs = toy.both(path, tmp_path / "theirs", toy.observe())
    assert ours.std(0).max() > 0.01
    np.testing.assert_allclose(theirs, ours, atol=1e-5)


def test_action_by_action_in_lerobots_rollout(exported, toy):
    folder, observation = exported / "theirs", toy.observe()
    policy, before, after, _ = toy.lerobot_policy(folder, observation)
    features = {"action": {"names": list(NAMES)}}
    engine = SyncInferenceEngine(
        policy, before, after, features, list(NAMES), observation.instruction, "cpu", "unitree_g1"
    )
    engine.reset()
    found = [engine.get_action(toy.lerobot_frame(observation)) for _ in range(5)]
    ours = load_policy(exported / "ours").chunk(observation).actions
    np.testing.assert_allclose(torch.stack(found).numpy(), ours[:5], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind, options, toy, tmp_path):
    path = toy.write(tmp_path / "ours", kind, options[kind], small_ranges="widen")
    export_checkpoint(path, tmp_path / "theirs")
    report = import_policy(tmp_path / "theirs", tmp_path / "back", **ROBOT)
    assert set(report.loaded) == read_checkpoint(path).weights.keys()
    observation = toy.observe()
    before, after = load_policy(path), load_policy(tmp_path / "back", embodiment="unitree_g1")
    np.testing.assert_allclose(after.chunk(observation).actions, before.chunk(observation).actions, atol=1e-6)
    old, new = read_config(path), read_config(tmp_path / "back")
    assert new.sampling.execution_horizon == old.sampling.execution_horizon
    assert (new.rate_hz, new.embodiment) == (old.rate_hz, old.embodiment)
    # And once more: what was imported can be exported.
    export_checkpoint(tmp_path / "back", tmp_path / "again")
    ours, theirs = toy.both(tmp_path / "back", tmp_path / "again", observation)
    np.testing.assert_allclose(theirs, ours, atol=1e-5)


@pytest.mark.parametrize("mode", ["MEAN_STD", "MIN_MAX", "QUANTILES", "IDENTITY"])
def test_every_way_in_which_lerobot_normalises(mode, act_folder, toy, tmp_path):
    folder = act_folder
    rng = np.random.default_rng(5)
    # Dimension 4 hardly moved in training, and dimension 5 never.
    half = np.where(np.arange(34) == 4, 1e-4, rng.uniform(0.2, 1.0, 34)) * (np.arange(34) != 5)
    middle = rng.uniform(-0.1, 0.1, 34)
    figures = {"mean": middle, "std": half, "min": middle - half, "max": middle + half}
    figures |= {"q01": middle - half, "q99": middle + half}
    for name in ("policy_preprocessor", "policy_postprocessor"):
        edit(folder / f"{name}.json", lambda document: normalise_by(document, mode))
        file = next(folder.glob(f"{name}*normalizer_processor.safetensors"))
        state = safetensors.torch.load_file(file)
        kept = {key: value for key, value in state.items() if "image" in key}
        new = {f"{key}.{name}": torch.tensor(value) for key in KEYS for name, value in figures.items()}
        safetensors.torch.save_file(kept | new, file)
    import_policy(folder, tmp_path / "back", **ROBOT)
    observation = toy.observe(reach=1.5)  # far outside: hlm must not limit what LeRobot does not
    state = np.where(np.arange(34) == 5, middle, observation.state).astype(np.float32)
    state[4] = middle[4]
    ours, theirs = toy.both(tmp_path / "back", folder, replace(observation, state=state))
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


KEYS = ("observation.state", "action")


def normalise_by(document, mode):
    for step in document["steps"]:
        if "norm_map" in step.get("config", {}):
            step["config"]["norm_map"] |= {"STATE": mode, "ACTION": mode}


def test_pictures_of_another_size_are_resized_on_the_way(options, toy, tmp_path):
    path = toy.write(tmp_path / "ours", "act", options["act"], recorded_sizes=((64, 64),))
    notes = export_checkpoint(path, tmp_path / "theirs")
    assert notes[0] == "images of other sizes than 32 x 32 px (height x width) are resized a little differently"
    slope = np.broadcast_to(np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None], (64, 64, 3))
    smooth = replace(toy.observe(), frames=dict.fromkeys(toy.cameras, CameraFrame(0, slope)))
    ours, theirs = toy.both(path, tmp_path / "theirs", smooth)
    np.testing.assert_allclose(theirs, ours, atol=0.01)
    ours, theirs = toy.both(path, tmp_path / "theirs", toy.observe(side=32))
    np.testing.assert_allclose(theirs, ours, atol=1e-5)


def test_what_lerobot_does_otherwise_is_said(options, toy, tmp_path):
    path = toy.write(
        tmp_path / "ours", "act", options["act"], recorded_sizes=((30, 40),), optional_cameras=("left_wrist",)
    )
    notes = export_checkpoint(path, tmp_path / "theirs")
    assert notes == (
        "give it images letterboxed to 32 x 32 px (height x width): LeRobot takes images as they come",
        "hlm clips normalised states to +-2, LeRobot does not",
        "LeRobot's ACT needs every camera, also left_wrist",
    )
    readme = (tmp_path / "theirs" / "README.md").read_text()
    assert all(note in readme for note in notes)
    assert "33. root_yaw_rate, rad/s" in readme
    assert "30 actions per second, 8 in a chunk, 5 executed" in readme


def test_lerobots_own_files(options, toy, tmp_path):
    """The processors are those that LeRobot's factories make of the description."""
    from lerobot.policies.act.processor_act import make_act_pre_post_processors
    from lerobot.policies.smolvla.processor_smolvla import make_smolvla_pre_post_processors

    for kind, factory in (("act", make_act_pre_post_processors), ("smolvla", make_smolvla_pre_post_processors)):
        path = toy.write(tmp_path / kind, kind, options[kind])
        folder = tmp_path / f"{kind}_theirs"
        export_checkpoint(path, folder)
        config = PreTrainedConfig.from_pretrained(folder)
        config.device = "cpu"
        for pipeline in factory(config, {}):
            found = json.loads((folder / f"{pipeline.name}.json").read_text())
            for step in found["steps"]:
                step.pop("state_file", None)
            assert found == json.loads(json.dumps(pipeline.get_config()))


def test_what_lerobot_cannot_express_is_refused(options, toy, tmp_path):
    for changes, text in (
        ({"order": "humanoid"}, "LeRobot cannot express order = 'humanoid', only 'bimanual'"),
        ({"actions": "relative"}, "LeRobot cannot express actions = 'relative', only 'absolute'"),
    ):
        path = toy.write(tmp_path / next(iter(changes)), "act", options["act"], **changes)
        with pytest.raises(MismatchError, match=text):
            export_checkpoint(path, tmp_path / "theirs")
    path = toy.write(tmp_path / "moved", "smolvla", options["smolvla"])
    document = yaml.safe_load((path / "config.yaml").read_text())
    document["policy_config"]["vlm"] = "../gone"
    (path / "config.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(MismatchError, match=r"LeRobot needs the checkpoint's vlm, and there is no folder \.\./gone"):
        export_checkpoint(path, tmp_path / "theirs")
    assert not (tmp_path / "theirs").exists()


@pytest.fixture(scope="module")
def exported(options, toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("act")
    export_checkpoint(toy.write(folder / "ours", "act", options["act"], small_ranges="widen"), folder / "theirs")
    return folder


@pytest.fixture
def act_folder(exported, tmp_path):
    """An ACT policy of LeRobot's, to be changed."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    for file in (exported / "theirs").iterdir():
        place = os.link if file.name == "model.safetensors" else shutil.copy
        place(file, folder / file.name)
    return folder


def test_nothing_is_overwritten(exported, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    with pytest.raises(ExistsError, match="taken is already there"):
        export_checkpoint(exported / "ours", taken)
    with pytest.raises(ExistsError, match="taken is already there"):
        import_policy(exported / "theirs", taken, **ROBOT)
    assert not list(taken.iterdir())


def set_shape(key, shape, field="input_features"):
    def change(document):
        document[field][key]["shape"] = shape

    return change


def add_step(document):
    document["steps"].insert(1, {"registry_name": "gripper_penalty_processor", "config": {}})


def make_relative(document):
    document["steps"].insert(1, {"registry_name": "relative_actions_processor", "config": {"enabled": True}})


@pytest.mark.parametrize(
    ("file", "change", "text"),
    [
        (
            "config.json",
            lambda d: d.update(type="diffusion"),
            "type 'diffusion', which hlm cannot import; known: act, smolvla, pi05",
        ),
        ("config.json", lambda d: d.update(pre_norm=True), "has pre_norm = True; hlm supports only False"),
        (
            "config.json",
            lambda d: d.update(vision_backbone="resnet101"),
            "backbone must be 'resnet18' or .*'resnet101'",
        ),
        ("config.json", set_shape("action", [6], "output_features"), r"has action \[6\]; hlm's has 34 dimensions"),
        ("config.json", set_shape("observation.state", [7]), r"has observation\.state \[7\]; hlm's has 34"),
        ("config.json", set_shape("observation.images.head", [3, 64, 32]), "cameras of different sizes"),
        (
            "config.json",
            lambda d: d["input_features"].update({"observation.environment_state": {"type": "ENV", "shape": [3]}}),
            r"has an input observation\.environment_state \[3\]; hlm's policies see images and state alone",
        ),
        (PREPROCESSOR, add_step, "has a step gripper_penalty_processor"),
        (PREPROCESSOR, make_relative, "has a step relative_actions_processor"),
        (PREPROCESSOR, lambda d: d["steps"][3]["config"]["norm_map"].update(VISUAL="IDENTITY"), "with ImageNet's mean"),
    ],
)
def test_what_hlm_cannot_express_is_refused(act_folder, tmp_path, file, change, text):
    edit(act_folder / file, change)
    with pytest.raises(MismatchError, match=text):
        import_policy(act_folder, tmp_path / "back", **ROBOT)
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("file", "change", "text"),
    [
        ("config.json", lambda d: d.pop("chunk_size"), "cannot be read"),
        ("config.json", lambda d: d.update(input_features=3), "input_features cannot be read"),
        (PREPROCESSOR, lambda d: d.update(steps=[3]), "the steps cannot be read"),
        (PREPROCESSOR, lambda d: d["steps"].pop(), "has no normalizer_processor among its steps"),
        (PREPROCESSOR, lambda d: d["steps"][3]["config"].pop("norm_map"), "norm_map cannot be read"),
    ],
)
def test_damaged_folders(act_folder, tmp_path, file, change, text):
    edit(act_folder / file, change)
    with pytest.raises(CorruptError, match=text):
        import_policy(act_folder, tmp_path / "back", **ROBOT)
    assert not (tmp_path / "back").exists()


def test_folders_that_are_not_whole(act_folder, tmp_path):
    for name, error, text in (
        ("policy_preprocessor_step_3_normalizer_processor.safetensors", CorruptError, "is damaged"),
        (PREPROCESSOR, MissingFileError, "an old LeRobot saved it"),
        ("model.safetensors", MissingFileError, r"it has no model\.safetensors"),
        ("config.json", MissingFileError, r"it has no config\.json"),
    ):
        (act_folder / name).unlink()
        with pytest.raises(error, match=text):
            import_policy(act_folder, tmp_path / "back", **ROBOT)
    with pytest.raises(InputError, match="rate_hz must be positive, got 0"):
        import_policy(act_folder, tmp_path / "back", embodiment="unitree_g1", rate_hz=0.0)


def test_cameras_by_the_names_that_the_robot_has(act_folder, toy, tmp_path):
    old = "observation.images.top"
    edit(act_folder / PREPROCESSOR, lambda d: d["steps"][0]["config"]["rename_map"].update({old: f"{old[:-3]}head"}))
    import_policy(act_folder, tmp_path / "back", **ROBOT)
    assert load_policy(tmp_path / "back").spec.cameras == ("top", "left_wrist", "right_wrist")


def test_a_flow_that_is_wider_than_the_contract_is_refused(options, toy, tmp_path):
    export_checkpoint(toy.write(tmp_path / "ours", "smolvla", options["smolvla"]), tmp_path / "theirs")
    edit(tmp_path / "theirs" / "config.json", lambda document: document.update(max_action_dim=64))
    with pytest.raises(MismatchError, match="max_action_dim = 64, and hlm's networks have 34 dimensions"):
        import_policy(tmp_path / "theirs", tmp_path / "back", **ROBOT)


def test_on_the_command_line(exported, tmp_path, capsys):
    path = exported / "ours"
    assert main(["policy", "export", str(path), str(tmp_path / "theirs")]) == 0
    assert f"LeRobot policy: {tmp_path / 'theirs'}" in capsys.readouterr().out.replace("\n", "")
    assert main(["policy", "import", str(tmp_path / "theirs"), str(tmp_path / "back"), "--rate-hz", "20"]) == 0
    assert read_config(tmp_path / "back").rate_hz == 20.0
    assert main(["policy", "import", str(path), str(tmp_path / "again")]) == 2
    assert "no LeRobot policy" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("verb", ["export", "import"])
def test_without_lerobot_the_extra_is_named(verb, exported, tmp_path, capsys, monkeypatch):
    for name in [
        name
        for name in sys.modules
        if name.startswith(("lerobot", "hlm.policies.exchange", "hlm.policies.act", "hlm.policies.smolvla"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lerobot", None)
    assert main(["policy", verb, str(exported / "ours"), str(tmp_path / "made")]) == 2
    assert "pip install 'hlm[pi]'" in capsys.readouterr().err.replace("\n", " ")


def test_crossed_quantiles_are_refused_before_anything_is_written():
    figures = {"q01": np.full(34, 0.5), "q99": np.where(np.arange(34) == 9, 0.25, 1.0)}
    with pytest.raises(
        MismatchError, match=r"of states cannot be used: q01 of right_shoulder_roll is 0\.5, above its q99"
    ):
        statistics_of(figures, NormalizationMode.QUANTILES, "states")
