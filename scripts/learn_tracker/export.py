"""Stage 3 of a learned tracker: the newest checkpoint as an ONNX file that says what it sees.

Writes `tracker.onnx`, its SHA-256 beside it, and `probe.npz`, by which stage 4 tells whether hlm shows the network
what mjlab did. Runs in mjlab's environment; needs no GPU.

`python scripts/learn_tracker/export.py runs/learn`
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from learn_tracker_parts.motion_files import digest_of, read_references
from learn_tracker_parts.probe import Probe
from learn_tracker_parts.run_folder import RunFolder, must_exist

from hlm.control.learned_tracker.contract import KEY, contract_of
from hlm.control.learned_tracker.network_file import digest_file, open_tracker_network
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import HlmError, MismatchError, MissingDependencyError, MissingFileError

PROBED_STEPS = 100
TOLERANCE = 1e-5


def main() -> None:
    """Export."""
    try:
        export(_options())
    except HlmError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def export(options: argparse.Namespace) -> None:
    """Write the network and its probe.

    Raises:
        HlmError: a stage or a package is missing, or what was written says something else than the checkpoint.
    """
    run = RunFolder(options.run)
    references = must_exist(run.references, "references")
    facts = json.loads(must_exist(run.facts, "train").read_text(encoding="utf-8"))
    checkpoints = run.checkpoints()
    if not checkpoints:
        raise MissingFileError(f"there is no checkpoint in {run.training}: run scripts/learn_tracker/train.py first.")
    try:
        from learn_tracker_parts.probing import probe_of
        from learn_tracker_parts.task import environment_cfg, make_environment, make_runner
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"exporting needs {error.name}: pip install mjlab==1.6.0") from error
    env = make_environment(environment_cfg(UNITREE_G1, references, 1, exact=True), UNITREE_G1, "cpu")
    runner = make_runner(env, None, small=facts["small"])
    runner.load(str(checkpoints[-1]), map_location="cpu")
    runner.export_policy_to_onnx(str(run.root), run.network.name)
    _attach(run.network, {"checkpoint": checkpoints[-1].name, "checkpoint_sha256": digest_of(checkpoints[-1]), **facts})
    digest_file(run.network).write_text(f"{digest_of(run.network)}  {run.network.name}\n", encoding="utf-8")
    exported = runner.alg.get_policy().as_onnx(verbose=False).eval()
    probe = probe_of(env, exported, read_references(references), PROBED_STEPS)
    probe.write(run.probe)
    env.close()
    off = _answers_off(run.network, probe)
    if not off < TOLERANCE:
        raise MismatchError(f"{run.network} answers differently from {checkpoints[-1]}, by up to {off:.2g}.")
    print(f"{run.network}: the network of {checkpoints[-1]}, the same to {off:.1e} on {len(probe.action)} observations")


def _attach(path: Path, learnt: dict[str, object]) -> None:
    """Write into a network's file what it sees and says, and where it comes from."""
    import onnx

    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {KEY: json.dumps(contract_of(UNITREE_G1)), "learnt": json.dumps(learnt)})
    onnx.save(model, str(path))


def _answers_off(path: Path, probe: Probe) -> float:
    """The largest difference between the answers of a file's network and those of a probe."""
    network = open_tracker_network(path, UNITREE_G1)
    answers = np.array([network(seen) for seen in probe.observation])
    return float(np.abs(answers - probe.action).max())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
