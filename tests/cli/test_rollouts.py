"""Films: what stands beside the room is what the policy gets."""

from pathlib import Path

import numpy as np
import pytest

from hlm.cli.rollouts import _as_network_sees
from hlm.cli.sources import LocalPolicy, Scripted, ServedPolicy
from hlm.cli.stations import StationConfig
from hlm.policies.trained import load_policy

SHIPPED = Path(__file__).resolve().parents[2] / "policies" / "shipped" / "shelf_cup_transfer"
IMAGE = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)


def test_a_local_policys_views_are_those_of_its_network():
    config = StationConfig(task="shelf_cup_transfer", source=LocalPolicy(checkpoint=SHIPPED))
    views = load_policy(SHIPPED).encoding.fit_image(IMAGE, "head")
    assert views.shape == (96, 96, 3)
    assert np.array_equal(_as_network_sees(config)(IMAGE), views)


@pytest.mark.parametrize("source", [Scripted(), ServedPolicy(url="ws://127.0.0.1:1")])
def test_other_views_are_as_the_station_took_them(source):
    config = StationConfig(task="shelf_cup_transfer", source=source)
    assert np.array_equal(_as_network_sees(config)(IMAGE), IMAGE)
