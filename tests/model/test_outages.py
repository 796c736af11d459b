"""Long outages, scaled: the disk is full, GitHub is away; afterwards all that was asked for comes to its end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.switch import Rule, Switch
from tests.oracle import Oracle
from tests.stage import MANIFEST, MARKER_KEY, QUICK, SECRET, Stage, stage

PATCH = "/release patch build-115 --allow-empty"
SMALL = {**QUICK, "RETRY_LIMIT_SECONDS": "4"}
"""An hour of patience takes four seconds here."""
REFUSED = 503
WORDS = re.compile(r"\w+: parked")


def judged(play: Stage, data: Path) -> Oracle:
    """The oracle over this stage."""
    logs = [play.root / "web.log", play.root / "worker.log"]
    return Oracle(play.sandbox, MANIFEST, [data], logs, (MARKER_KEY, SECRET), may_stop=False).watch()


def operated(play: Stage, *arguments: str) -> str:
    """What an operator reads who types this."""
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.run(command, env=play.environment(), check=True, capture_output=True, text=True).stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of ten megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=False)


def fill(place: Path) -> Path:
    """A file that takes all the space there is."""
    path = place / "somebody's core dump"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return path
    raise AssertionError("the disk has no end")


def test_a_full_disk_is_told_of_and_all_converges_once_there_is_space(tmp_path: Path, small_disk: Path) -> None:
    with stage(tmp_path) as play:
        data = small_disk / "data"
        play.changes = {**QUICK, "DATA_DIR": str(data)}
        oracle = judged(play, data)
        play.migrate()
        play.start()
        issue, comment = play.ask(PATCH)
        play.reply(issue, comment)
        number = play.pull()["number"]
        dump = fill(small_disk)
        play.person("hubot").merge(MANIFEST, number)
        issue, second = play.ask("/release status")
        log = play.root / "worker.log"

        def told() -> bool:
            refused = any(each.status_code == REFUSED for each in play.sandbox.deliveries)
            return refused or "disk" in log.read_text() or "No space left" in log.read_text()

        play.until("a word about the disk", told)
        assert oracle.faults() == []
        dump.unlink()
        play.reply(issue, second)
        play.until("the end of the build", lambda: play.said(number, "end"))
        assert oracle.settled() == []
        assert oracle.dispatches() == {"v115.0.1": 1}


def test_after_github_was_away_for_longer_than_patience_lasts_all_is_taken_up(tmp_path: Path) -> None:
    switch = Switch()
    with stage(tmp_path, faults=switch) as play:
        play.changes = SMALL
        oracle = judged(play, tmp_path / "data")
        play.migrate()
        play.start()
        issue, comment = play.ask(PATCH)
        play.reply(issue, comment)
        number = play.pull()["number"]
        switch.rules.append(Rule("*", "503", times=None))
        play.person("hubot").merge(MANIFEST, number)
        issue, second = play.ask("/release status")
        log = tmp_path / "worker.log"
        play.until(
            "both given up", lambda: {"Publish: parked", "AnswerNow: parked"} <= set(WORDS.findall(log.read_text()))
        )
        listed = operated(play, "status")
        assert "Publish (`merged/" in listed
        assert "AnswerNow (`comment/" in listed
        assert oracle.faults() == []
        switch.clear()

        play.until("the end of the build", lambda: play.said(number, "end"))
        play.reply(issue, second)
        assert oracle.settled() == []
        assert oracle.dispatches() == {"v115.0.1": 1}
