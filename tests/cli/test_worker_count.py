from dataclasses import replace

import pytest

from hlm.cli.sources import LocalPolicy, ServedPolicy
from hlm.cli.stations import StationConfig
from hlm.cli.worker_count import worker_bytes, worker_count
from hlm.evaluation.plan import Plan

PLAN = Plan(task="shelf_cup_transfer", policy="scripted", kind="scripted", first_seed=0, rollouts=100)
STATION = StationConfig(task="shelf_cup_transfer")
SERVED = StationConfig(task="shelf_cup_transfer", source=ServedPolicy(url="ws://127.0.0.1:1"))
GB = 10**9


@pytest.fixture
def machine(monkeypatch):
    """Sets cores and free memory."""

    def make(cores, free):
        monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(cores)))
        monkeypatch.setattr("hlm.cli.worker_count.free_memory_bytes", lambda: free)

    return make


@pytest.mark.parametrize("free", [100 * GB, None])
@pytest.mark.parametrize(
    ("station", "asked", "workers"), [(STATION, None, 64), (SERVED, None, 8), (SERVED, 12, 12), (STATION, 300, 100)]
)
def test_cores_servers_and_rollouts_decide_while_there_is_memory(machine, free, station, asked, workers):
    machine(64, free)
    assert worker_count(replace(PLAN, workers=asked), station) == (workers, "")


@pytest.mark.parametrize(("free", "workers"), [(GB, 5), (GB // 2, 2), (0, 1)])
@pytest.mark.parametrize("asked", [None, 8])
def test_memory_allows_fewer_and_says_so(machine, free, workers, asked):
    machine(8, free)
    found, why = worker_count(replace(PLAN, workers=asked), STATION)
    assert found == workers
    assert why.startswith(f"{workers} of 8 workers, because each takes about 200.0 MB and ")


def test_one_worker_is_never_too_many(machine):
    machine(1, 0)
    assert worker_count(PLAN, STATION) == (1, "")


def test_films_and_policies_take_their_own(checkpoint):
    policy = replace(STATION, source=LocalPolicy(checkpoint=checkpoint))
    filmed = replace(PLAN, videos=1)
    assert worker_bytes(PLAN, STATION) == worker_bytes(PLAN, SERVED)
    assert worker_bytes(filmed, STATION) > worker_bytes(PLAN, STATION)
    weights = (checkpoint / "model.safetensors").stat().st_size
    assert worker_bytes(PLAN, policy) > worker_bytes(PLAN, STATION) + 2 * weights
