"""Drive the faults of tests/faults, and write their rows into docs/faults.md: fault_table.py [FAULT ...]."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(names: list[str]) -> int:
    """Drive all faults, or those of these names; exit code 1 if the robot was not safe in one of them."""
    from hlm.cli.rendering import load_simulator

    load_simulator()
    sys.path.insert(0, str(ROOT / "tests"))
    from faults.catalog import REAL_TIME, SIMULATED, STREAMED
    from faults.table import update

    wrong = 0
    for driven in update(names or [*SIMULATED, *STREAMED, *REAL_TIME]):
        wrong += bool(driven.complaints)
        print(driven.row, *driven.complaints, sep="\n  WRONG: ", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
