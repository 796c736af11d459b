"""How long one input takes and how much memory: a bad input must not be a way to stop the program.

`python -m tests.bad_inputs.measure`, with a row on standard input, prints by how many bytes the process grew. It is
run as a process of its own for each big input, so that no other input's memory is counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from tests.bad_inputs.rows import Row

T = TypeVar("T")
TRIES = 3
MOST_GROWTH = 50_000_000


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What it returns, and the milliseconds of the fastest of a few tries: the machine's own noise is left out."""
    best = float("inf")
    for _ in range(TRIES):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return result, best * 1000


def growth(row: Row) -> int:
    """By how many bytes a fresh process grows that works on this row."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bad_inputs.measure"],
        input=json.dumps(asdict(row)),
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def _measured(row: Row) -> int:
    from tests.bad_inputs.areas import AREAS

    work = AREAS[row.area].work(row)
    before = _bytes("VmRSS")
    work()
    return _bytes("VmHWM") - before


def _bytes(what: str) -> int:
    """A figure of this process: resident now, or the most it ever was (`ru_maxrss` would start at the parent's)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(what + ":"))


if __name__ == "__main__":
    sys.stdout.write(str(_measured(Row(**json.load(sys.stdin)))))
