from pathlib import Path

import pytest

from hlm.policies.training.config import config_of, read_document

FOLDER = Path(__file__).resolve().parents[2] / "policies" / "configs"
CONFIGS = sorted(FOLDER.glob("*.yaml"))


def test_there_are_configs():
    assert {path.stem for path in CONFIGS} == {"openhlm", "shelf_cup_transfer"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_describes_a_run(path):
    document = read_document(path)
    assert config_of(document).policy == document["policy"]


def test_the_paper_recipe_is_the_default_of_pi05():
    config = config_of(read_document(FOLDER / "openhlm.yaml"))
    assert config == config_of({"policy": "pi05", "precision": "bfloat16"})
    # Table 3 of arXiv 2606.22174.
    assert (config.learning_rate, config.learning_rate * config.final_learning_rate_ratio) == (
        1e-4,
        pytest.approx(1e-5),
    )
    assert (config.warmup_steps, config.steps, 4 * config.batch_size) == (1000, 30_000, 128)
    assert (config.betas, config.weight_decay, config.max_grad_norm) == ((0.9, 0.95), 1e-10, 1.0)
    assert (config.horizon, config.image_size, config.ema_decay) == (50, (224, 224), 0.0)
