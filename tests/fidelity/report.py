"""Plays a release by the bot's own processes and a walk over every route, and has all their traffic judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.server import ROUTES
from sandbox.webhooks import Delivery
from tests.fidelity.automation import walk
from tests.fidelity.exceptions import EXCEPTIONS
from tests.fidelity.judge import Judge
from tests.fidelity.schemas import Description
from tests.fidelity.wire import Exchange, Recorder
from tests.stage import MANIFEST, Stage, stage


@dataclass
class Report:
    """What was judged, and what was wrong with it."""

    requests: int = 0
    webhooks: int = 0
    routes: set[str] = field(default_factory=set)
    bots: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    unused: set[str] = field(default_factory=set)

    @property
    def unseen(self) -> list[str]:
        """Routes that nothing was asked of with success."""
        return sorted({route.name for route in ROUTES} - self.routes)


def play_release(folder: Path) -> tuple[list[Exchange], list[Delivery], list[str]]:
    """A whole release by the bot, from a comment to the end of the build: calls, webhooks, calls to nowhere."""
    recorder = Recorder()
    with stage(folder, faults=recorder) as play:
        play.start()
        issue, comment = play.ask(f"/release patch build-115 coreos/etcd={play.seeded.etcd_release_head}")
        number = play.pull()["number"]
        play.reply(issue, comment)
        play.person("hubot").approve(MANIFEST, number)
        play.person("hubot").merge(MANIFEST, number)
        play.until("the end of the build", lambda: play.said(number, "end"))
        _drop_another(play)
        play.stop()
        play.sandbox.wait_idle()
        lost = [f"{each.name} {each.path}" for each in play.sandbox.requests if each.name.endswith("(unknown)")]
        return list(recorder.exchanges), list(play.sandbox.deliveries), lost


def _drop_another(play: Stage) -> None:
    """Propose a release, press "Re-run" on its check, and close it unmerged; a command that is none comes before."""
    play.reply(*play.ask("/release nonsense"))
    play.reply(*play.ask("/release patch build-115 --allow-empty"))
    pull, person = play.pull(), play.person("octocat")
    checks = f"/repos/{MANIFEST}/commits/{pull['head']['sha']}/check-runs"
    found = play.until("the check", lambda: person.ask("GET", checks)["check_runs"])
    person.rerequest(MANIFEST, found[0]["id"])
    person.close(MANIFEST, pull["number"])
    play.until("the branch to go", lambda: f"refs/heads/{pull['head']['ref']}" not in play.refs())


def judge(folder: Path) -> Report:
    """Play both, and judge every message of them."""
    report, referee = Report(), Judge(Description.load())
    exchanges, deliveries, lost = play_release(folder / "release")
    report.bots.update(f"{each.route}" for each in exchanges if each.is_app)
    report.wrong.update(f"the bot asked for what is not there: {each}" for each in lost)
    _judge(report, referee, exchanges, deliveries, are_meant=True)
    walked = walk(folder / "walk")
    try:
        _judge(report, referee, walked.seen, walked.deliveries)
    finally:
        walked.close()
    report.unused = set(EXCEPTIONS) - referee.used
    return report


def _judge(
    report: Report, referee: Judge, exchanges: list[Exchange], deliveries: list[Delivery], are_meant: bool = False
) -> None:
    report.requests += len(exchanges)
    report.webhooks += len(deliveries)
    report.routes.update(each.route for each in exchanges if each.status < 300)
    for seen in exchanges:
        report.wrong.update(set(referee.exchange(seen, was_meant=are_meant and seen.is_app)))
    for sent in deliveries:
        report.events[f"{sent.event}.{sent.action}".rstrip(".")] += 1
        report.wrong.update(set(referee.delivery(sent)))
