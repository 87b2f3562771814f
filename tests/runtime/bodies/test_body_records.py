import numpy as np
import pytest

from hlm.core.body import BodyState, BodyStatus
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.values import RobotState
from hlm.runtime.bodies.body_records import (
    Order,
    ReportWriter,
    measurement_of,
    order_record,
    report_from_record,
    why_of,
)


@pytest.mark.parametrize("state", BodyState)
def test_a_report_survives_the_round_trip(state):
    writer = ReportWriter()
    assert measurement_of(writer.record) is None
    writer.note(slot=7, due_ns=2**60, woke_ns=2**60 + 10**6, done_ns=2**60 + 3 * 10**6, skipped=2)
    writer.note(orders=3, references=90, lost=1, reference_ns=2**60 - 5)
    writer.note_status(BodyStatus(state, "the left knee is too hot"))
    measured = RobotState(5, UNITREE_G1.default_rad, np.arange(29.0), np.array([1.0, 0, 0, 0]), np.arange(3.0))
    writer.note_state(measured)
    report = report_from_record(writer.record)
    assert report.status == BodyStatus(state, "the left knee is too hot")
    assert (report.slot, report.due_ns, report.skipped, report.orders) == (7, 2**60, 2, 3)
    assert (report.references, report.lost, report.reference_ns) == (90, 1, 2**60 - 5)
    assert report.late_s == pytest.approx(1e-3)
    assert report.step_s == pytest.approx(2e-3)
    back = measurement_of(writer.record)
    assert back.stamp_ns == 5
    np.testing.assert_array_equal(back.joint_velocity_rad_s, measured.joint_velocity_rad_s)


def test_a_reason_of_any_length_is_cut_and_never_broken():
    for why in ("", "the camera is gone", "é" * 1000):
        read = why_of(order_record(Order.HOLD, 3, why))
        assert why.startswith(read)
        assert len(read) == min(len(why), 200)
