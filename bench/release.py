"""How long a release takes, and an acknowledgement: `make bench`.

On the stand-in GitHub with the bot's real processes: from a delivered comment to the open pull request, and from a
delivered merge to the moved refs (median of 20 releases); then deliveries at 20 a second while the worker is at
work, beside the floor of an empty receiver. The number of REST calls of a release is printed too.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from sandbox.state import Issue
from tests.door import sign
from tests.stage import MANIFEST, Stage, free_port, stage

RATE = 20.0
SECONDS = 10.0


def main() -> int:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), speed=1.0) as play:
        play.migrate()
        play.start()
        time.sleep(2)  # the worker's first sweep
        times = [release(play, number) for number in range(1, options.releases + 1)]
        report("comment delivered -> pull request open", [each[0] for each in times], "s")
        report("merge delivered -> refs moved", [each[1] for each in times], "s")
        for phase, name in enumerate(("comment to reply", "merge to refs", "following a build of 2 s")):
            rest, git = (statistics.median(each[2][phase][kind] for each in times) for kind in (0, 1))
            print(
                f"requests, {name}: {rest:.0f} REST, {git:.0f} git (a sweep every 2 s and a look every 0.2 s included)"
            )
        with floor(Path(folder)) as port:
            ours = acknowledgements(play.port, play)
            least = acknowledgements(port, play)
        report("acknowledgement at 20 deliveries/s", ours, "ms")
        report("floor: empty Flask answer, one insert", least, "ms")
        print(f"ratio to floor: p50 {statistics.median(ours) / statistics.median(least):.2f}")
    return 0


def release(play: Stage, number: int) -> tuple[float, float, list[tuple[int, int]]]:
    """One release: seconds to the pull request, seconds to the refs, (REST, git) requests of its three phases."""
    manifest = play.sandbox.world.repositories[play.seeded.manifest.id]
    asked = len(play.sandbox.requests)
    issue = play.person("octocat").open_issue(MANIFEST, "a release")
    began = time.perf_counter()
    play.person("octocat").comment(MANIFEST, issue, "/release patch build-115 --allow-empty")
    pull = until(lambda: next((each for each in manifest.issues.values() if is_open(each)), None))
    opened = time.perf_counter() - began
    until(lambda: any("reply" in each.body for each in manifest.issues[issue].comments))
    replied = len(play.sandbox.requests)
    began = time.perf_counter()
    play.person("hubot").merge(MANIFEST, pull.number)
    tag = f"refs/tags/v115.0.{number}^{{}}"
    until(lambda: (refs := manifest.git.refs()).get(tag) == refs["refs/heads/dev-channel"] or None)
    moved = time.perf_counter() - began
    published = len(play.sandbox.requests)
    until(lambda: any("manifest-release-bot:end" in each.body for each in pull.comments))
    ends = (asked, replied, published, len(play.sandbox.requests))
    return opened, moved, [requests(play, begin, end) for begin, end in pairwise(ends)]


def requests(play: Stage, begin: int, end: int) -> tuple[int, int]:
    """The bot's REST and git requests in this part of the log."""
    mine = [each.name for each in play.sandbox.requests[begin:end] if each.by in ("installation", "app")]
    git = sum(name.startswith("git ") for name in mine)
    return len(mine) - git, git


def is_open(issue: Issue) -> bool:
    """Whether it is an open pull request."""
    return issue.pull is not None and issue.state == "open"


def until(look: Any) -> Any:
    """Look every two milliseconds until there is something."""
    end = time.perf_counter() + 60
    while time.perf_counter() < end:
        found = look()
        if found:
            return found
        time.sleep(0.002)
    raise TimeoutError("the bot did not do its part within a minute")


def acknowledgements(port: int, play: Stage) -> list[float]:
    """Milliseconds of each answer, at RATE for SECONDS, over one kept connection a delivery as GitHub sends them."""
    times = []
    begin = time.perf_counter()
    for number in range(int(RATE * SECONDS)):
        time.sleep(max(0.0, begin + number / RATE - time.perf_counter()))
        body = json.dumps(run_payload(play, number)).encode()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "workflow_run",
            "X-GitHub-Delivery": f"bench-{port}-{number}",
            "X-Hub-Signature-256": sign(body),
        }
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            sent = time.perf_counter()
            connection.request("POST", "/webhook", body, headers)
            status = connection.getresponse().status
            times.append((time.perf_counter() - sent) * 1000)
        assert status == 202, status
    return times


def run_payload(play: Stage, number: int) -> dict[str, Any]:
    """A run that is none of ours, as most are: stored, looked up and forgotten by the worker."""
    scripts = play.seeded.projects["coreos/scripts"]
    run = {"id": 10**9 + number, "status": "completed", "run_attempt": 1, "updated_at": "2013-10-25T12:00:00Z"}
    repository = {"id": scripts.id, "full_name": scripts.full_name}
    about = {"repository": repository, "installation": {"id": play.installation}}
    return {"action": "completed", "workflow_run": run, "sender": {"login": "x", "id": 1, "type": "User"}, **about}


@contextmanager
def floor(folder: Path) -> Iterator[int]:
    """The empty receiver, served as ours is; its port."""
    port = free_port()
    bind = f"127.0.0.1:{port}"
    arguments = ["-m", "gunicorn", "--worker-class", "gevent", "--bind", bind, "bench.floor:create_app()"]
    env = {"PATH": "/usr/bin:/bin", "FLOOR_DATABASE": str(folder / "floor.sqlite3")}
    with (folder / "floor.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, *arguments], env=env, stdout=log, stderr=log)
    try:
        time.sleep(2)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def report(what: str, times: Sequence[float], unit: str) -> None:
    """Median, the 99th percentile and the worst."""
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"{what}: p50 {statistics.median(times):.3f} {unit}, p99 {p99:.3f}, max {ordered[-1]:.3f} ({len(times)})")


if __name__ == "__main__":
    sys.exit(main())
