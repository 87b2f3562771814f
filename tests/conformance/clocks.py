"""Laws of `hlm.core.clock.Clock`."""

import pytest

MS = 1_000_000


class ClockConformance:
    """What every clock does; a subclass gives the fixture `clock`, and how coarse and how late it may be."""

    coarse_ns = 0
    late_ns = 0

    @pytest.fixture
    def clock(self):
        raise NotImplementedError

    def test_instants_are_whole_nanoseconds_that_never_decrease(self, clock):
        seen = [clock.now_ns() for _ in range(5)]
        assert all(type(instant) is int for instant in seen)
        assert seen == sorted(seen)

    def test_waiting_ends_when_it_is_due_or_less_than_a_step_before(self, clock):
        due_ns = clock.now_ns() + 7 * MS + 123
        clock.wait_until(due_ns)
        assert due_ns - max(self.coarse_ns, 1) < clock.now_ns() <= due_ns + self.late_ns

    def test_waiting_for_the_past_returns_and_turns_nothing_back(self, clock):
        clock.wait_until(clock.now_ns() + 4 * MS)
        before_ns = clock.now_ns()
        clock.wait_until(before_ns - 3 * MS)
        assert clock.now_ns() >= before_ns
