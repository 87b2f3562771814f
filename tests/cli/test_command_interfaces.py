"""`hlm record --command-interface`: scripted operators through narrower interfaces."""

import numpy as np

from hlm.cli.command_interfaces import COMMAND_INTERFACES
from hlm.cli.main import main
from hlm.core.layout import LEFT_LEG
from hlm.datasets.reader import open_dataset
from hlm.teleop.interfaces.interfaced_source import INTERFACES

SMALL = ("--cameras", "head", "--image-size", "16", "16", "--seed", "1")


def test_the_names_are_those_of_the_interfaces():
    assert tuple(INTERFACES) == COMMAND_INTERFACES


def test_what_went_through_an_interface_is_recorded_and_named(folder, brief):
    for name in ("joints", "decoupled"):
        assert main(["record", *SMALL, "--command-interface", name, "--out", f"{name}.zarr"]) == 0
    (plain,), (squeezed,) = (open_dataset(folder / f"{name}.zarr").episodes for name in ("joints", "decoupled"))
    assert (plain.info.operator, squeezed.info.operator) == ("scripted", "scripted through decoupled")
    assert plain.info.source == squeezed.info.source == "scripted"
    assert np.abs(plain.action[:, LEFT_LEG] - squeezed.action[:, LEFT_LEG]).max() > 1e-3
