import pytest

from hlm.policies.serving.statistics import KEPT, ServingStatistics


def test_percentiles_are_of_the_newest_answers():
    statistics = ServingStatistics()
    for _ in range(KEPT):
        statistics.answered(9.0, 9.0)
    for number in range(KEPT):
        statistics.answered(number / KEPT, 0.0)
    assert statistics.requests == 2 * KEPT
    assert statistics.latency_ms()["infer"] == pytest.approx({"p50": 499.5, "p90": 899.1, "p99": 989.01})
    assert statistics.latency_ms()["queue"] == {"p50": 0.0, "p90": 0.0, "p99": 0.0}


def test_refused_requests_count_and_have_no_latency():
    statistics = ServingStatistics()
    statistics.refused()
    assert (statistics.requests, statistics.errors) == (1, 1)
    assert statistics.latency_ms() == {"infer": {}, "queue": {}}
