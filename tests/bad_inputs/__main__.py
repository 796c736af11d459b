"""Try every bad input of a file: `python -m tests.bad_inputs FILE.jsonl`; exit status 1 when any goes wrong.

A row says in words what must come of it. Areas without a module here are passed over.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bad_inputs import webhook
from tests.bad_inputs.areas import AREAS, Judged, judge
from tests.bad_inputs.rows import row_of


def main(path: str) -> int:
    """Print what went wrong, area by area, and what the slowest row took."""
    rows = [row_of(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    wrong = 0
    for area in AREAS:
        wrong += report(area, [judge(row) for row in rows if row.area == area])
    return 1 if webhook.main(path) or wrong else 0


def report(area: str, judged: list[Judged]) -> int:
    """Print one area's rows that are not right, and the figures; the number of those that are wrong."""
    for each in judged:
        if each.verdict != "right":
            sys.stdout.write(f"{each.row.id}: {each.verdict}: {each.why}\n")
    count = {word: sum(each.verdict == word for each in judged) for word in ("right", "wrong", "elsewhere", "pending")}
    pending = f", {count['pending']} pending" if count["pending"] else ""
    slowest = max(judged, key=lambda each: each.milliseconds, default=None)
    sys.stdout.write(
        f"{area} rows: {count['right']} right, {count['wrong']} wrong, {count['elsewhere']} proven elsewhere{pending}"
        + (f"; slowest {slowest.row.id}: {slowest.milliseconds:.1f} ms\n" if slowest else "\n")
    )
    return count["wrong"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
