"""What all campaigns share: their seed, an end to every round, what is kept of a failure, and the last line."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


def parser_of(words: str | None) -> argparse.ArgumentParser:
    """A parser of a campaign's arguments, with those that all campaigns have."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument(
        "--keep", metavar="FOLDER", help="keep logs, stores and repositories here when anything is wrong"
    )
    return parser


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End the block by an AssertionError after so long, whatever it waits for. For the main thread alone."""

    def ring(_: int, frame: FrameType | None) -> None:
        where = f" in {frame.f_code.co_qualname}" if frame is not None else ""
        raise AssertionError(f"no end after {seconds:.0f} s{where}")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def keep(folder: str, wanted: str | None, wrong: int) -> None:
    """Copy what a failed campaign leaves behind to where it was asked for."""
    if wanted and wrong:
        shutil.copytree(folder, Path(wanted), dirs_exist_ok=True, symlinks=True)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def verdict(words: str, seed: int, right: int, every: int) -> int:
    """Print the last line of a campaign; its exit status."""
    say(f"{words}, seed {seed}: {right} of {every} right")
    return 0 if right == every > 0 else 1
