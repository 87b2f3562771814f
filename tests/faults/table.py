"""The table of faults in the docs: made by driving them, row by row."""

import re
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from faults.catalog import REAL_TIME, SIMULATED, STREAMED
from faults.deployed import deployed
from faults.station import course_of
from faults.streamed import stream_course_of

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.runtime.safety.reference_limits import JOINT_SPEED_SHARE

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
HEADER = "| fault | injected how | why, in one line | answer | after | in the end | recorded |\n" + 7 * "|---" + "|"
BRAKES_WITHIN_S = 0.5


class Row(NamedTuple):
    """A row: what was done, what became of it."""

    fault: str
    injected: str
    why: str
    answer: str
    after: str
    end: str
    recorded: str

    def __str__(self):
        return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in self) + " |"


class Driven(NamedTuple):
    """A row, and what is wrong with it; nothing if the robot was safe."""

    row: Row
    complaints: list


def drive(name, folder):
    """Drive a fault."""
    if name in STREAMED:
        return _streamed(name, STREAMED[name])
    return _simulated(name, SIMULATED[name], folder) if name in SIMULATED else _real_time(name, REAL_TIME[name], folder)


def _simulated(name, fault, folder):
    course = course_of(fault.parts, folder)
    complaints = _complaints(fault, course.fault, course.answer_s)
    if course.fell_s is not None and (course.braking_s is None or course.braking_s > course.fell_s + BRAKES_WITHIN_S):
        complaints.append("it fell, and nothing braked it in time")
    if course.recorded != course.fault:
        complaints.append(f"the episode says '{course.recorded}' of the fault")
    complaints += [problem.text for problem in course.problems if problem.array != "state"]
    row = Row(
        name,
        fault.injected,
        course.fault or "-",
        course.answer,
        _seconds(course.answer_s),
        course.end,
        f"{course.steps} steps, {course.outcome}",
    )
    return Driven(row, complaints)


def _streamed(name, fault):
    course = stream_course_of(fault.parts)
    complaints = _complaints(fault, course.fault, course.answer_s)
    if course.headings != fault.headings:
        complaints.append(f"SONIC started its heading {course.headings} times, not {fault.headings}")
    if fault.within_s is not None and course.stop_s is None:
        complaints.append("SONIC was never stopped")
    if fault.within_s is None and course.fault:
        complaints.append("it should have gone on")
    if course.fastest_rad_s > JOINT_SPEED_SHARE * UNITREE_G1.velocity_rad_s.max() * 1.01:
        complaints.append(f"a joint was asked for {course.fastest_rad_s:.1f} rad/s")
    after = _seconds(course.answer_s)
    return Driven(Row(name, fault.injected, course.fault or "-", course.answer, after, course.end, "-"), complaints)


def _real_time(name, fault, folder):
    with fault.around(folder) if fault.around else nullcontext({}) as options:
        course = deployed(folder, **({"inject": fault.inject, "seconds": fault.seconds} | options))
        why = course.why.replace(f"{folder}/", "")
        complaints = _complaints(fault, why, course.reaction_s)
        complaints += [f"the {name} process is left" for name in course.left]
        if course.steps is None and name != "disk full":
            complaints.append("no episode was kept")
        row = Row(name, fault.injected, why or "-", course.answer, _seconds(course.reaction_s), course.end, course.kept)
    return Driven(row, complaints)


def _complaints(fault, why, answered_s):
    complaints = []
    if fault.says not in why:
        complaints.append(f"'{why}' does not say '{fault.says}'")
    if "\n" in why.strip():
        complaints.append("the reason is no single line")
    if fault.within_s is not None and (answered_s is None or answered_s > fault.within_s):
        complaints.append(f"answered after {answered_s} s, not within {fault.within_s} s")
    return complaints


def _seconds(duration_s):
    return "-" if duration_s is None else f"{duration_s:.2f} s"


def rows_of_page():
    """Rows of the docs, by fault."""
    text = PAGE.read_text(encoding="utf-8")
    lines = [
        line for part in re.findall(r"<!-- \w+ -->\n(.*?)<!-- /\w+ -->", text, re.DOTALL) for line in part.split("\n")
    ]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return {row[0]: Row(*row) for row in cells if row[0] != "fault"}


def write_rows(rows):
    """Put rows, by fault, in place of those of the docs; the order is the catalog's."""
    text = PAGE.read_text(encoding="utf-8")
    for mark, catalog in (("simulated", SIMULATED), ("streamed", STREAMED), ("realtime", REAL_TIME)):
        table = "\n".join([HEADER, *(str(rows[name]) for name in catalog if name in rows)])
        text = re.sub(
            rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)",
            lambda found, table=table: f"{found[1]}{table}\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
    PAGE.write_text(text, encoding="utf-8")


def update(names):
    """Drive faults, and put their rows into the docs one after the other."""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            driven = drive(name, Path(folder))
        write_rows(rows_of_page() | {name: driven.row})
        yield driven
