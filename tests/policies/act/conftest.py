"""Toy networks of LeRobot's architectures."""

from fakes_lerobot import narrow_backbone as narrow_backbone
from fakes_lerobot import smolvla_config as smolvla_config
from fakes_lerobot import toy as toy
from fakes_lerobot import vlm as vlm
from fakes_lerobot import words as words
