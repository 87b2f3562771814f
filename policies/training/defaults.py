"""How each kind of policy is trained unless told otherwise, where that differs from the defaults of `TrainConfig`."""

from __future__ import annotations

from typing import Any

from hlm.policies.augmentation_config import AugmentationConfig

DEFAULTS: dict[str, dict[str, Any]] = {
    "compact": {},
    # OpenHLM's (Table 3), which takes several GPUs: 128 samples per update there, all processes together.
    "pi05": {
        "image_size": (224, 224),
        "euler_steps": 10,
        "augmentation": AugmentationConfig.paper(),
        "batch_size": 32,
        "steps": 30_000,
        "max_minutes": None,
        "learning_rate": 1e-4,
        "final_learning_rate_ratio": 0.1,
        "warmup_steps": 1000,
        "weight_decay": 1e-10,
        "ema_decay": 0.0,
        "save_every_minutes": 30.0,
    },
    # LeRobot's presets.
    "smolvla": {
        "image_size": (224, 224),
        "euler_steps": 10,
        "augmentation": AugmentationConfig.paper(),
        "batch_size": 64,
        "steps": 30_000,
        "max_minutes": None,
        "learning_rate": 1e-4,
        "final_learning_rate_ratio": 0.025,
        "warmup_steps": 1000,
        "weight_decay": 1e-10,
        "max_grad_norm": 10.0,
        "ema_decay": 0.0,
        "save_every_minutes": 30.0,
    },
    "act": {
        "euler_steps": 1,
        "augmentation": AugmentationConfig.paper(),
        "batch_size": 8,
        "steps": 100_000,
        "max_minutes": None,
        "learning_rate": 1e-5,
        "final_learning_rate_ratio": 1.0,
        "warmup_steps": 0,
        "betas": (0.9, 0.999),
        "weight_decay": 1e-4,
        "max_grad_norm": 10.0,
        "ema_decay": 0.0,
        "save_every_minutes": 30.0,
    },
}
