"""Stage 2 of a learned tracker: train by mjlab on the motions of stage 1. Runs in mjlab's environment, on a GPU.

Started again, it goes on from the newest checkpoint until it has done all iterations.

`python scripts/learn_tracker/train.py runs/learn`
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from learn_tracker_parts.motion_files import digest_of
from learn_tracker_parts.run_folder import RunFolder, must_exist, number_of

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import HlmError, MismatchError, MissingDependencyError
from hlm.core.wording import counted

DEFAULT_ENVIRONMENTS, DEFAULT_ITERATIONS = 4096, 30_000
SMALL_ENVIRONMENTS, SMALL_ITERATIONS = 4, 2
PACKAGES = ("mjlab", "mujoco", "mujoco-warp", "rsl-rl-lib", "torch")


def main() -> None:
    """Train."""
    sys.stdout.reconfigure(line_buffering=True)  # progress, also into a file
    try:
        train(_options())
    except HlmError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted: started again, it goes on from its newest checkpoint", file=sys.stderr)
        sys.exit(130)


def train(options: argparse.Namespace) -> None:
    """Train until all iterations are done.

    Raises:
        HlmError: a stage or a package is missing.
    """
    run = RunFolder(options.run)
    references = must_exist(run.references, "references")
    try:
        from learn_tracker_parts.task import environment_cfg, make_environment, make_runner
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"training needs {error.name}: pip install mjlab==1.6.0") from error
    import torch

    device = options.device or ("cuda:0" if torch.cuda.is_available() else "cpu")
    if device == "cpu" and not options.small:
        print("no GPU: the whole recipe needs one; --small tries it", file=sys.stderr)
    environments = options.environments or (SMALL_ENVIRONMENTS if options.small else DEFAULT_ENVIRONMENTS)
    iterations = options.iterations or (SMALL_ITERATIONS if options.small else DEFAULT_ITERATIONS)
    must_be_begun_so(run.facts, facts_of(options, references))
    checkpoints = run.checkpoints()
    begun = number_of(checkpoints[-1]) + 1 if checkpoints else 0
    cfg = environment_cfg(UNITREE_G1, references, environments, exact=False)
    cfg.seed = options.seed + begun  # who goes on does not draw the beginning again
    env = make_environment(cfg, UNITREE_G1, device)
    runner = make_runner(env, run.training, small=options.small)
    if checkpoints:
        runner.load(str(checkpoints[-1]), map_location=device)
        runner.current_learning_iteration = begun
        print(f"goes on from {checkpoints[-1]}: {begun} of {counted(iterations, 'iteration')} done", flush=True)
    if begun < iterations:
        runner.learn(iterations - begun, init_at_random_ep_len=True)
    env.close()
    print(f"{counted(iterations, 'iteration')} done: {run.checkpoints()[-1]}")


def facts_of(options: argparse.Namespace, references: Path) -> dict[str, Any]:
    """What must not change while a training goes on."""
    return {
        "small": options.small,
        "references_sha256": digest_of(references),
        "packages": {name: version(name) for name in PACKAGES},
    }


def must_be_begun_so(path: Path, facts: dict[str, Any]) -> None:
    """Note what a training is begun with.

    Raises:
        MismatchError: it was begun with something else.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        return
    begun = json.loads(path.read_text(encoding="utf-8"))
    if changed := [name for name in facts if facts[name] != begun.get(name)]:
        name = changed[0]
        raise MismatchError(
            f"{path.parent} was begun with {name} {begun.get(name)}, and this is {facts[name]}: use another folder."
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--environments", type=int, help=f"robots at the same time, {DEFAULT_ENVIRONMENTS} by default")
    parser.add_argument("--iterations", type=int, help=f"updates of the network, {DEFAULT_ITERATIONS} by default")
    parser.add_argument("--device", help="such as cuda:1; the first GPU by default")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument("--small", action="store_true", help="a few robots and iterations, to try the recipe")
    return parser.parse_args()


if __name__ == "__main__":
    main()
