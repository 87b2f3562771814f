"""Stage 4 of a learned tracker: whether hlm shows the network what training showed it. Runs in hlm's environment.

Goes through the probe of stage 3 again with the code that drives a robot. Only then is there a sense in scoring it:
`python scripts/bench/tracker.py --tracker learned:runs/learn/tracker.onnx`

`python scripts/learn_tracker/check.py runs/learn`
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from learn_tracker_parts.probe import Probe, observations_again
from learn_tracker_parts.run_folder import RunFolder, must_exist

from hlm.control.learned_tracker.network_file import open_tracker_network
from hlm.control.learned_tracker.observation import TERMS, target_of
from hlm.core.arrays import FloatArray
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import HlmError, MismatchError

TOLERANCE = 1e-5


def main() -> None:
    """Compare, and print by how much each part differs at most."""
    try:
        for name, off in check(RunFolder(_options().run)).items():
            print(f"{name:<18}{off:.1e}")
    except HlmError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def check(run: RunFolder) -> dict[str, float]:
    """The largest difference of each part of the observation, of the answers and of the targets.

    Raises:
        MismatchError: one is larger than rounding.
        HlmError: a file is missing, or not what it should be.
    """
    network = open_tracker_network(must_exist(run.network, "export"), UNITREE_G1)
    probe = Probe.read(must_exist(run.probe, "export"))
    seen = observations_again(probe, UNITREE_G1)
    ends = np.cumsum([size for _, size in TERMS])
    differences = {
        name: _most(seen[:, end - size : end], probe.observation[:, end - size : end])
        for (name, size), end in zip(TERMS, ends, strict=True)
    }
    differences["action"] = _most(np.array([network(one) for one in probe.observation]), probe.action)
    differences["target"] = _most(np.array([target_of(one, UNITREE_G1) for one in probe.action]), probe.target_rad)
    for name, off in differences.items():
        if not off < TOLERANCE:
            raise MismatchError(f"{name} is not what it was in training: it differs by up to {off:.2g}.")
    return differences


def _most(found: FloatArray, wanted: FloatArray) -> float:
    return float(np.abs(found - wanted).max())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
