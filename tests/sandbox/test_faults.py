"""What a switched fault looks like from outside: raw HTTP, real git."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from sandbox.bare import CLEAN
from sandbox.faults import Faults
from sandbox.switch import FITS, PUSH, READ, Random, Rule, Switch, kind_of
from tests.sandbox.play import MANIFEST, Play

PULL = "git upload-pack"
PUSHED = "git receive-pack"


@pytest.fixture
def switch() -> Switch:
    return Switch(patience=0.5)


@pytest.fixture
def play(tmp_path: Path, switch: Switch) -> Iterator[Play]:
    made = Play(tmp_path / "github", faults=switch)
    yield made
    switch.clear()
    made.close()


class Rest:
    """An App that reads an issue's comments and writes one."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.token = play.token()
        self.issue = play.person("octocat").open_issue(MANIFEST, "title")
        self.url = f"{play.github.api_url}/repos/{MANIFEST}/issues/{self.issue}/comments"
        self.pool = play.pool

    def ask(self, method: str = "GET", timeout: float = 30.0) -> urllib3.BaseHTTPResponse:
        return self.pool.request(
            method,
            self.url,
            headers={"Authorization": f"Bearer {self.token}"},
            json={"body": "a word"} if method == "POST" else None,
            retries=False,
            timeout=timeout,
        )

    def comments(self) -> int:
        return len(self.play.person("octocat").comments(MANIFEST, self.issue))


READS = "GET /repos/{repo}/issues/<int:number>/comments"
WRITES = "POST /repos/{repo}/issues/<int:number>/comments"


@pytest.fixture
def rest(play: Play) -> Rest:
    return Rest(play)


@pytest.mark.parametrize(
    ("fault", "status"), [("500", 500), ("502", 502), ("503", 503), ("403-later", 403), ("429", 429), ("404", 404)]
)
def test_a_refused_call_has_no_effect_and_the_next_one_is_right(
    rest: Rest, switch: Switch, fault: str, status: int
) -> None:
    switch.rules.append(Rule(WRITES, fault))
    answer = rest.ask("POST")
    assert (answer.status, rest.comments()) == (status, 0)
    assert ("Retry-After" in answer.headers) == (fault in ("403-later", "429"))
    assert (rest.ask("POST").status, rest.comments()) == (201, 1)
    assert switch.broken == [(WRITES, fault)]


@pytest.mark.parametrize(("fault", "effects"), [("lost", 1), ("reset", 0), ("time-out", 0)])
def test_a_connection_that_ends_leaves_the_effect_or_none(rest: Rest, switch: Switch, fault: str, effects: int) -> None:
    switch.rules.append(Rule(WRITES, fault))
    with pytest.raises(urllib3.exceptions.HTTPError):
        rest.ask("POST")
    assert rest.comments() == effects


def test_a_slow_answer_is_right(rest: Rest, switch: Switch) -> None:
    right = rest.ask("POST").json()["body"]
    switch.rules.append(Rule(READS, "slow"))
    assert [each["body"] for each in rest.ask().json()] == [right]
    assert switch.broken == [(READS, "slow")]


def test_wrong_json_has_the_right_status_and_the_effect(rest: Rest, switch: Switch) -> None:
    switch.rules.append(Rule(WRITES, "wrong-json"))
    answer = rest.ask("POST")
    assert answer.status == 201
    with pytest.raises(ValueError, match=r"JSON|Expecting|Unterminated|delimiter"):
        answer.json()
    assert rest.comments() == 1


def test_a_stale_read_is_the_answer_from_before_the_last_change(rest: Rest, switch: Switch) -> None:
    switch.rules.append(Rule(READS, "stale"))
    assert rest.ask().json() == []
    assert rest.ask().json() == []
    assert switch.broken == []
    rest.ask("POST")
    assert rest.ask().json() == []
    assert len(rest.ask().json()) == 1
    assert switch.broken == [(READS, "stale")]


def test_a_rule_breaks_the_occurrences_that_it_names_and_people_none(rest: Rest, switch: Switch) -> None:
    switch.rules.append(Rule("POST *", "503", nth=2, times=2))
    rest.play.person("octocat").comment(MANIFEST, rest.issue, "a person's word")
    assert [rest.ask("POST").status for _ in range(4)] == [201, 503, 503, 201]


def test_a_rule_is_met_when_it_broke_something_and_not_when_its_call_came_too_seldom(
    rest: Rest, switch: Switch
) -> None:
    seldom, met, stale = Rule(READS, "404", nth=3), Rule(WRITES, "500"), Rule(READS, "stale")
    switch.rules += [seldom, met, stale]
    rest.ask("POST")
    rest.ask()
    assert switch.met == {met}
    rest.ask("POST")
    rest.ask()
    assert switch.met == {met, stale}


def test_chance_is_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[str | None]:
        chance = Random(0.3, seed)
        return [chance.fault(call) for call in (READS, WRITES, PULL, PUSHED) * 50]

    assert drawn(7) == drawn(7) != drawn(8)
    assert all(kind_of(READS) == READ and READ in FITS[each] for each in drawn(7)[::4] if each)
    assert all(PUSH in FITS[each] for each in drawn(7)[3::4] if each)


def test_a_fault_that_there_is_not_makes_no_rule() -> None:
    with pytest.raises(ValueError, match="is not one of"):
        Rule("*", "earthquake")


class Clone:
    """An App's clone of the manifest repository, with two branches to push."""

    def __init__(self, play: Play, folder: Path) -> None:
        self.url = f"{play.github.url.replace('//', f'//x-access-token:{play.token()}@')}/{MANIFEST}.git"
        self.folder = folder
        self.bare = play.seeded.manifest
        assert self.git("init", "--quiet", str(folder)).returncode == 0
        assert self.git("fetch", "--quiet", self.url, "build-115").returncode == 0

    def git(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        at = ["-C", str(self.folder)] if self.folder.exists() else []
        return subprocess.run(["git", *at, *arguments], env=CLEAN, capture_output=True, timeout=60, check=False)

    def push(self) -> int:
        return self.git("push", "--atomic", self.url, "FETCH_HEAD:refs/heads/a", "FETCH_HEAD:refs/heads/b").returncode

    def there(self) -> set[str]:
        return {ref for ref in ("refs/heads/a", "refs/heads/b") if ref in self.bare.git.refs()}


@pytest.fixture
def clone(play: Play, tmp_path: Path) -> Clone:
    return Clone(play, tmp_path / "clone")


@pytest.mark.parametrize("fault", sorted(name for name, fits in FITS.items() if PUSH in fits and name != "slow"))
def test_a_push_that_was_broken_can_be_made_again(clone: Clone, switch: Switch, fault: str) -> None:
    switch.rules.append(Rule(PUSHED, fault))
    assert clone.push() != 0
    assert switch.broken == [(PUSHED, fault)]
    moved = {"lost": {"refs/heads/a", "refs/heads/b"}, "half-done": {"refs/heads/a"}}.get(fault, set())
    assert clone.there() == moved
    if fault == "half-done":
        assert clone.push() != 0, "the lock of the other ref is still there"
    assert clone.push() == 0
    assert clone.there() == {"refs/heads/a", "refs/heads/b"}


@pytest.mark.parametrize("fault", ["truncated", "killed", "reset", "lost", "502"])
def test_a_fetch_that_was_broken_can_be_made_again(clone: Clone, switch: Switch, fault: str) -> None:
    switch.rules.append(Rule(PULL, fault))
    fetch = ("fetch", "--quiet", clone.url, "master")
    assert clone.git(*fetch).returncode != 0
    assert switch.broken == [(PULL, fault)]
    assert clone.git(*fetch).returncode == 0


def test_refs_are_shown_as_they_were_before_the_last_change(clone: Clone, switch: Switch) -> None:
    look = ("ls-remote", clone.url, "refs/heads/a")
    assert clone.git(*look).stdout == b""
    assert clone.push() == 0
    switch.rules.append(Rule(PULL, "stale"))
    assert clone.git(*look).stdout == b""
    assert clone.git(*look).stdout.endswith(b"\trefs/heads/a\n")


class ParentDies(Faults):
    """Kills git's CGI program alone, when the program that does the work has begun and stands still."""

    def during(self, call: str, process: subprocess.Popen[bytes]) -> None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while call == PULL and not children.read_text():
            """It comes."""
        if call == PULL:
            os.kill(int(children.read_text()), signal.SIGSTOP)
            os.kill(process.pid, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for children in /proc")
def test_an_answer_ends_with_the_git_that_died_though_its_child_holds_the_pipe(tmp_path: Path) -> None:
    play = Play(tmp_path, faults=ParentDies())
    parts = urlsplit(play.github.url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as line:
            line.sendall(
                f"POST /{MANIFEST}.git/git-upload-pack HTTP/1.1\r\nHost: sandbox\r\nGit-Protocol: version=2\r\n"
                f"Authorization: Bearer {play.token()}\r\nContent-Type: application/x-git-upload-pack-request\r\n"
                "Content-Length: 4\r\n\r\n0000".encode()
            )
            while line.recv(4096):
                """Until it ends."""
    finally:
        play.close()
