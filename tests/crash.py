"""Kill the worker or the receiver at random moments of a release, again and again: `make crash N=50`.

Patches of a release branch and new releases off the main branch take turns. Each is hit twice, once between the
comment and the pull request and once between the merge and the end of publishing. What was killed starts again at
once, as a supervisor would start it. Afterwards nothing may be lost and nothing done twice. The seed is printed, and
the same seed kills at the same moments.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.stage import MANIFEST, Stage, stage

TO_PULL = 1.2
"""Seconds within which a killing falls after the comment; an undisturbed proposal takes about 0.8 s."""
TO_END = 1.6
"""The same after the merge."""


@dataclass(frozen=True)
class Kind:
    """What is released: the command, the tag, the branch it is merged into, and the release branch."""

    command: str
    tag: str
    base: str
    line: str


PATCH = Kind("/release patch build-115 coreos/etcd=release-0.1", "v115.0.1", "build-115", "build-115")
NEW = Kind("/release new 116", "v116.0.0", "master", "build-116")


@dataclass(frozen=True)
class Killing:
    """Who dies, and how many seconds after the comment or the merge."""

    victim: str
    after: float


def killings(seed: int, count: int) -> list[Killing]:
    """The same for the same seed."""
    dice = random.Random(seed)
    reach = (TO_PULL, TO_END)
    return [Killing(dice.choice(("worker", "worker", "web")), dice.uniform(0, reach[n % 2])) for n in range(count)]


def release_under_fire(root: Path, kind: Kind, before: Killing, after: Killing) -> list[str]:
    """One release that is hit twice. What is wrong afterwards; empty when all is right."""
    with stage(root) as play:
        play.migrate()
        play.start()
        strike(play, before, lambda: play.ask(kind.command))
        number = play.pull()["number"]
        strike(play, after, lambda: play.person("hubot").merge(MANIFEST, number))
        play.until("the end of the build", lambda: play.said(number, "end"))
        play.until("the reply", lambda: play.said(1, "reply"))
        time.sleep(0.5)
        return faults(play, kind, number)


def strike(play: Stage, killing: Killing, act: Callable[[], object]) -> None:
    """Do it, and kill so many seconds after; start the victim again."""

    def kill() -> None:
        time.sleep(killing.after)
        play.kill(killing.victim)
        play.start(killing.victim)

    killer = threading.Thread(target=kill)
    killer.start()
    act()
    killer.join()


def faults(play: Stage, kind: Kind, number: int) -> list[str]:
    """Everything that must be there once and is not."""
    refs = play.refs()
    tag = refs.get(f"refs/tags/{kind.tag}^{{}}")
    seeded = {"refs/tags/v109.0.0", "refs/tags/v110.0.0", "refs/tags/v115.0.0"}
    tags = {ref for ref in refs if ref.startswith("refs/tags/") and not ref.endswith("^{}")}
    builds = play.sandbox.world.repositories[play.seeded.projects["coreos/scripts"].id].runs
    pulls = play.person("octocat").pulls(MANIFEST, "all")
    once = {
        "pull requests": len(pulls),
        "tags": len(tags - seeded),
        "official runs": len(builds),
        "replies": len(play.said(1, "reply")),
        "progress comments": len(play.said(number, "progress")),
        "final comments": len(play.said(number, "end")),
    }
    wrong = [f"{count} {what}" for what, count in once.items() if count != 1]
    if tag is None or tag != pulls[0]["merge_commit_sha"]:
        wrong.append("the tag is not at the merge commit")
    if {refs.get(f"refs/heads/{branch}") for branch in ("dev-channel", kind.base, kind.line)} != {tag}:
        wrong.append("a ref is not where it belongs")
    return wrong


def main() -> int:
    """Run the campaign; exit status 1 when anything was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    sys.stdout.write(f"{options.kills} killings, seed {options.seed}\n")
    bad = 0
    for index, (before, after) in enumerate(pairs(killings(options.seed, options.kills)), start=1):
        began, kind = time.monotonic(), (NEW, PATCH)[index % 2]
        with tempfile.TemporaryDirectory() as folder:
            try:
                wrong = release_under_fire(Path(folder), kind, before, after)
            except AssertionError as error:
                wrong = [str(error)]
        bad += bool(wrong)
        words = "; ".join(wrong) or "right"
        story = f"{kind.tag}, {before.victim} at {before.after:.2f} s, {after.victim} at {after.after:.2f} s"
        sys.stdout.write(f"{index:3}  {story}: {words} ({time.monotonic() - began:.1f} s)\n")
        sys.stdout.flush()
    sys.stdout.write(f"{options.kills} killings in {index} releases: {index - bad} right, {bad} wrong\n")
    return 1 if bad else 0


def pairs(every: list[Killing]) -> list[tuple[Killing, Killing]]:
    """Two killings a release."""
    return list(zip(every[::2], every[1::2], strict=False))


if __name__ == "__main__":
    sys.exit(main())
