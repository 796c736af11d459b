"""Which part of the product each area of the file belongs to, and how one row is judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from tests.bad_inputs import command, manifest, measure, names, version_file
from tests.bad_inputs.rows import BadRow, Check, Kind, Outcome, Row

Verdict = Literal["right", "wrong", "elsewhere", "pending"]
MOST_MILLISECONDS = 100.0
BOMB_MILLISECONDS = 500.0


def anything(came: Outcome) -> bool:
    """Nothing more is asked for."""
    return came.kind in ("accept", "refuse", "ignore")


@dataclass(frozen=True)
class Area:
    """How the rows of one area are carried out and judged.

    `work` makes ready what a row needs and returns the product's part alone, which is what is timed. By row id:
    `wanted` are outcomes where the row's words leave a choice, `checks` what else must hold, `elsewhere` the tests
    that prove a row about more than one call, `pending` why a row cannot be judged yet. `always` holds for all rows.
    """

    work: Callable[[Row], Callable[[], Outcome]]
    checks: Mapping[str, Check] = field(default_factory=dict)
    wanted: Mapping[str, Kind] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    pending: Mapping[str, str] = field(default_factory=dict)
    always: Check = anything
    milliseconds: Callable[[Row], float] = lambda row: BOMB_MILLISECONDS if row.is_described else MOST_MILLISECONDS


@dataclass(frozen=True)
class Judged:
    """What became of one row, why where it is not right, and how long its work took."""

    row: Row
    verdict: Verdict
    why: str = ""
    milliseconds: float = 0.0


def judge(row: Row) -> Judged:
    """Carry the row out and compare what comes out with what its words, or our tables, ask for."""
    area = AREAS[row.area]
    if row.id in area.elsewhere:
        proof = area.elsewhere[row.id]
        return Judged(row, "elsewhere", proof) if _stands(proof) else Judged(row, "wrong", f"there is no test {proof}")
    if row.id in area.pending:
        return Judged(row, "pending", area.pending[row.id])
    try:
        outcome, took = measure.timed(area.work(row))
        why = _objection(row, area, outcome) or _too_much(row, area, took)
    except BadRow as bad:
        return Judged(row, "wrong", str(bad))
    except Exception as bug:  # noqa: BLE001 (a crash of the product is what the file is for: it must not end the run)
        return Judged(row, "wrong", f"it crashed: {bug!r:.200}")
    return Judged(row, "wrong" if why else "right", why, took)


def _objection(row: Row, area: Area, outcome: Outcome) -> str:
    """Why this outcome is not the wanted one, or nothing."""
    wanted = frozenset({area.wanted[row.id]}) if row.id in area.wanted else row.wanted
    if not wanted:
        raise BadRow(f"its words name no outcome: {row.expected}")
    came = f"{outcome.kind} ({outcome.said or outcome.value!r:.200})"
    if outcome.kind not in wanted:
        return f"{came}, expected: {row.expected}"
    if not area.always(outcome) or not area.checks.get(row.id, anything)(outcome):
        return f"{came}, but not as expected: {row.expected}"
    return ""


def _too_much(row: Row, area: Area, took: float) -> str:
    """Whether it took too long or, being big, too much memory."""
    most = min(area.milliseconds(row), row.milliseconds or BOMB_MILLISECONDS)
    if took > most:
        return f"it took {took:.1f} ms where {most:.0f} are allowed"
    grown = measure.growth(row) if row.is_described else 0
    return f"the process grew by {grown / 1e6:.0f} MB" if grown > measure.MOST_GROWTH else ""


@cache
def _stands(proof: str) -> bool:
    """Whether the test that is named, as FILE::TEST, is there."""
    file, _, name = proof.partition("::")
    path = Path(__file__).parents[2] / file
    return path.exists() and bool(re.search(rf"^def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE))


AREAS: Mapping[str, Area] = {
    "command": Area(
        command.work,
        command.CHECKS,
        command.WANTED,
        command.ELSEWHERE,
        always=command.harmless,
        milliseconds=command.milliseconds,
    ),
    "version.txt": Area(version_file.work, version_file.CHECKS, always=version_file.is_kept),
    "manifest": Area(manifest.work, manifest.CHECKS, manifest.WANTED, always=manifest.is_kept),
    "ref/version": Area(names.work, names.CHECKS, names.WANTED, names.ELSEWHERE, names.PENDING),
}
