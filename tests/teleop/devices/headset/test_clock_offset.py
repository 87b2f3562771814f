from hypothesis import given
from hypothesis import strategies as st

from hlm.core.clock import NS_PER_S
from hlm.teleop.devices.headset.clock_offset import ClockOffset

MS = 1_000_000
delays = st.lists(st.tuples(st.integers(0, 50 * MS), st.integers(0, 50 * MS)), min_size=1, max_size=20)


@given(offset_ns=st.integers(-(10**15), 10**15), delays=delays)
def test_the_error_is_at_most_half_of_the_shortest_round_trip(offset_ns, delays):
    estimate = ClockOffset()
    for index, (there_ns, back_ns) in enumerate(delays):
        sent_ns = 200 * MS * index
        estimate.answered(sent_ns, sent_ns + there_ns + offset_ns, sent_ns + there_ns + back_ns)
    error_ns = abs(estimate.ours_ns(offset_ns + 7 * NS_PER_S) - 7 * NS_PER_S)
    assert error_ns <= min(there + back for there, back in delays) // 2 + 1


def test_clocks_that_drift_apart_are_followed():
    estimate = ClockOffset()
    for second in range(120):
        sent_ns = second * NS_PER_S
        theirs_ns = sent_ns + 50_000 * second
        # The first answer was the fastest; it says nothing about a clock that has drifted by 6 ms since.
        estimate.answered(sent_ns, theirs_ns, sent_ns + (0 if second == 0 else MS))
    now_ns = 120 * NS_PER_S
    assert abs(estimate.ours_ns(now_ns + 50_000 * 120) - now_ns) < 2 * MS
