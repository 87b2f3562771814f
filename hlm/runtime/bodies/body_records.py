"""What a body in real time and the loop tell each other, as records for shared memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import NS_PER_S
from hlm.core.records import dtype_of, from_record, to_record
from hlm.core.values import RobotState

_WHY_BYTES = 400
_STATES = tuple(BodyState)


class Order(IntEnum):
    """What a body can be told besides references."""

    ARM = 0
    HOLD = 1
    STOP = 2
    DAMP = 3
    HANG = 4


ORDER = np.dtype([("order", np.uint8), ("references", np.int64), ("why", f"S{_WHY_BYTES}")])
"""An order, how many references were pushed before it, and why it is given."""

REPORT = np.dtype(
    [
        ("slot", np.int64),
        ("due_ns", np.int64),
        ("woke_ns", np.int64),
        ("done_ns", np.int64),
        ("skipped", np.int64),
        ("body_state", np.uint8),
        ("fault", f"S{_WHY_BYTES}"),
        ("orders", np.int64),
        ("references", np.int64),
        ("lost", np.int64),
        ("reference_ns", np.int64),
        ("gripper_opening", np.float64, 2),
        ("measured", np.bool_),
        ("ended", np.bool_),
        ("state", dtype_of(RobotState)),
    ]
)
"""What a body says after each of its control steps; see `BodyReport`."""


@dataclass(frozen=True, slots=True)
class BodyReport:
    """A control step of a body in real time.

    Attributes:
        slot: number of the step on the grid.
        due_ns: instant at which it was due.
        woke_ns: instant at which it began.
        done_ns: instant at which its joint command had been sent.
        skipped: slots that were missed so far.
        status: what the body is doing.
        orders: orders that it has carried out so far.
        references: references that it has taken so far.
        lost: references that were overwritten before it took them.
        reference_ns: stamp of the newest reference that it has taken; 0 before the first.
    """

    slot: int
    due_ns: int
    woke_ns: int
    done_ns: int
    skipped: int
    status: BodyStatus
    orders: int
    references: int
    lost: int
    reference_ns: int

    @property
    def late_s(self) -> float:
        """How much later than it was due it began."""
        return (self.woke_ns - self.due_ns) / NS_PER_S

    @property
    def step_s(self) -> float:
        """How long it took."""
        return (self.done_ns - self.woke_ns) / NS_PER_S


def order_record(order: Order, references: int, why: str) -> np.void:
    """The record of an order."""
    records = np.zeros(1, ORDER)
    records["order"], records["references"], records["why"] = order, references, _as_bytes(why)
    record: np.void = records[0]
    return record


def why_of(record: np.void) -> str:
    """Why an order was given."""
    return _as_text(record["why"])


def report_from_record(record: np.void) -> BodyReport:
    """The report in a record."""
    slot, due_ns, woke_ns, done_ns, skipped = (
        int(record[name]) for name in ("slot", "due_ns", "woke_ns", "done_ns", "skipped")
    )
    orders, references, lost, reference_ns = (
        int(record[name]) for name in ("orders", "references", "lost", "reference_ns")
    )
    status = BodyStatus(body_state_of(record), _as_text(record["fault"]))
    return BodyReport(slot, due_ns, woke_ns, done_ns, skipped, status, orders, references, lost, reference_ns)


def body_state_of(record: np.void) -> BodyState:
    """What the body is doing, in the record of a report."""
    return _STATES[int(record["body_state"])]


def measurement_of(record: np.void) -> RobotState | None:
    """The newest measurement in the record of a report; None if nothing was ever measured."""
    return from_record(RobotState, record["state"]) if record["measured"] else None


class ReportWriter:
    """The record of a report, filled in anew at each step so that nothing is allocated for it."""

    def __init__(self) -> None:
        self._records = np.zeros(1, REPORT)
        self._state: RobotState | None = None
        self._status: BodyStatus | None = None

    @property
    def record(self) -> np.void:
        """The record as it is now."""
        record: np.void = self._records[0]
        return record

    def note(self, **values: object) -> None:
        """Set fields of `REPORT` that are numbers."""
        for name, value in values.items():
            self._records[name] = value

    def note_status(self, status: BodyStatus) -> None:
        """Set what the body is doing."""
        if status != self._status:
            self._status = status
            self._records["body_state"] = _STATES.index(status.state)
            self._records["fault"] = _as_bytes(status.fault)

    def note_state(self, state: RobotState | None) -> None:
        """Set the newest measurement."""
        if state is not None and state is not self._state:
            self._state = state
            self._records["state"][0] = to_record(state)
            self._records["measured"] = True


def _as_bytes(text: str) -> bytes:
    return text.encode()[:_WHY_BYTES]


def _as_text(content: bytes) -> str:
    return bytes(content).decode(errors="ignore")
