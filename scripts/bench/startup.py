"""How long `hlm` takes to answer: help, version and a usage error, each in a fresh process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 7
CASES = (("--help",), ("--version",), ("data", "--help"), ("data", "info", "--help"), ("train", "--help"))


def elapsed_s(arguments: tuple[str, ...]) -> float:
    """Wall time of one command line, s."""
    start_s = time.perf_counter()
    subprocess.run([sys.executable, "-m", "hlm.cli.main", *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start_s


def main() -> None:
    """Print the median of some runs for each command line."""
    for arguments in CASES:
        median_s = statistics.median(elapsed_s(arguments) for _ in range(RUNS))
        print(f"hlm {' '.join(arguments):<20} {1000 * median_s:6.0f} ms")


if __name__ == "__main__":
    main()
