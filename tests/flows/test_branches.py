"""The branches that a release line needs in its projects: made once, told each, and never in the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from flask import Response

from bot.core.record import LineOrder, ProjectBranch
from bot.core.text.progress import Row, rows_from_json, rows_to_json
from bot.flows.branches import ensure_project_branches
from bot.flows.telling import tell_progress
from sandbox.faults import Faults
from sandbox.seed import advance
from tests.core.world import planned
from tests.flows.conftest import Play

BRANCH, REF = "build-120", "refs/heads/build-120"
MAKE = "POST /repos/{repo}/git/refs"


@dataclass
class Away(Faults):
    """GitHub does not make branches while it is away; with `does`, it does, and its answer is lost."""

    away: bool = True
    does: bool = False
    tried: list[str] = field(default_factory=list)

    def before(self, call: str) -> Response | None:
        if call == MAKE:
            self.tried.append(call)
        return Response(status=502) if self.away and not self.does and call == MAKE else None

    def after(self, call: str, response: Response) -> Response:
        return Response(status=502) if self.away and call == MAKE else response


class Line:
    """A merged release whose line needs a branch in each of these projects; `url` where not at home."""

    def __init__(self, play: Play, *names: str, url: str = "", orders: tuple[ProjectBranch, ...] = ()) -> None:
        self.play = play
        self.store = play.desk.store
        projects = orders or tuple(self.order(name, url) for name in names)
        plan = replace(planned().record, line=LineOrder(BRANCH, REF, None, projects=projects))
        self.version = plan.version
        self.store.merged(play.repository.id, plan, 1, "ab" * 20, "cd" * 20)

    def order(self, name: str, url: str = "") -> ProjectBranch:
        return ProjectBranch(name, f"src/{name}", url or f"{self.play.stage.sandbox.url}/{name}", self.pin(name))

    def pin(self, name: str) -> str:
        return self.play.stage.seeded.pins[name]

    def at(self, name: str) -> str | None:
        return self.play.stage.sandbox.refs(name).get(REF)

    def ensure(self) -> bool:
        return ensure_project_branches(self.play.desk, self.play.repository, self.version)

    @property
    def rows(self) -> dict[str, Row]:
        release = self.store.release(self.play.repository.id, self.version)
        assert release is not None
        return {row.step: row for row in rows_from_json(release.rows)}

    def row(self, name: str) -> tuple[str, str]:
        row = self.rows[f"`{BRANCH}` of `{name}`"]
        return row.state, row.detail


def asked(play: Play) -> int:
    return len(play.stage.sandbox.requests)


def test_each_branch_is_made_at_what_the_release_pinned_and_later_left_to_people(play: Play) -> None:
    play.stage.sandbox.add_repositories(play.stage.installation, ["coreos/etcd"])
    line = Line(play, "coreos/scripts", "coreos/etcd")
    assert line.ensure() is False
    for name in ("coreos/scripts", "coreos/etcd"):
        assert line.at(name) == line.pin(name)
        assert line.row(name) == ("done", f"new, at `{line.pin(name)[:7]}`")
    moved = advance(play.stage.seeded.projects["coreos/etcd"], BRANCH, "a fix")
    told, before = line.rows, asked(play)
    assert line.ensure() is False
    assert (line.rows, asked(play)) == (told, before)
    assert line.at("coreos/etcd") == moved


def test_a_branch_that_is_there_already_is_told_where_it_is(play: Play) -> None:
    line = Line(play, "coreos/scripts")
    git = play.stage.seeded.projects["coreos/scripts"].git
    git.update(REF, line.pin("coreos/scripts"))
    line.ensure()
    pin = line.pin("coreos/scripts")[:7]
    assert line.row("coreos/scripts") == ("done", f"at `{pin}`")

    again = rows_to_json([replace(row, state="failed") for row in line.rows.values()])
    play.desk.store.add_rows(play.repository.id, line.version, again)
    moved = advance(play.stage.seeded.projects["coreos/scripts"], BRANCH, "a fix")
    line.ensure()
    assert line.row("coreos/scripts") == ("skipped", f"stays at `{moved[:7]}`; the release has `{pin}`")
    assert line.at("coreos/scripts") == moved


def test_where_github_does_not_answer_it_is_tried_again_and_the_others_do_not_wait(play: Play) -> None:
    play.stage.sandbox.add_repositories(play.stage.installation, ["coreos/etcd"])
    line = Line(play, "coreos/scripts", "coreos/etcd")
    away = play.stage.sandbox.faults = Away()
    git = play.stage.seeded.projects["coreos/etcd"].git
    git.update(REF, line.pin("coreos/etcd"))
    assert line.ensure() is True
    assert line.row("coreos/scripts")[0] == "waiting"
    assert "502" in line.row("coreos/scripts")[1]
    assert line.row("coreos/etcd")[0] == "done"
    away.away = False
    assert line.ensure() is False
    assert line.row("coreos/scripts")[0] == "done"
    assert line.at("coreos/scripts") == line.pin("coreos/scripts")


def test_a_lost_answer_is_no_second_write(play: Play) -> None:
    line = Line(play, "coreos/scripts")
    away = play.stage.sandbox.faults = Away(does=True)
    assert line.ensure() is False
    assert line.row("coreos/scripts")[0] == "done"
    assert away.tried == [MAKE]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "not accessible to the parent installation"),
        ("{web}/evil/etcd.git", "has another owner than coreos/manifest"),
        ("{web}/coreos/a/b", "it is not on this GitHub"),
        ("https://git.example.org/coreos/etcd", "it is not on this GitHub"),
        ("{web}.example.org/coreos/etcd", "it is not on this GitHub"),
    ],
)
def test_a_branch_that_is_not_ours_to_make_is_told_with_the_command(play: Play, url: str, why: str) -> None:
    url = url.format(web=play.stage.sandbox.url)
    line = Line(play, "coreos/etcd", url=url)
    assert line.ensure() is False
    state, detail = line.row("coreos/etcd")
    address = url or f"{play.stage.sandbox.url}/coreos/etcd"
    assert state == "failed"
    assert why in detail
    assert detail.endswith(f"`git push {address} {line.pin('coreos/etcd')}:{REF}`")
    assert line.at("coreos/etcd") is None


def test_what_failed_is_tried_again_when_somebody_resumes(play: Play) -> None:
    line = Line(play, "coreos/etcd")
    line.ensure()
    play.stage.sandbox.add_repositories(play.stage.installation, ["coreos/etcd"])
    line.ensure()
    assert line.row("coreos/etcd")[0] == "done"


def test_an_address_that_a_shell_would_obey_is_quoted(play: Play) -> None:
    line = Line(play, "coreos/etcd", url="https://git.example.org/$(reboot);x")
    line.ensure()
    assert "`git push 'https://git.example.org/$(reboot);x' " in line.row("coreos/etcd")[1]


def test_one_project_at_two_paths_gets_one_branch(play: Play) -> None:
    address, pin = f"{play.stage.sandbox.url}/coreos/scripts", play.stage.seeded.pins["coreos/scripts"]
    orders = tuple(ProjectBranch("coreos/scripts", path, address, pin) for path in ("one", "two"))
    line, before = Line(play, orders=orders), asked(play)
    line.ensure()
    assert [row.state for row in line.rows.values()] == ["done"]
    assert [each.name for each in play.stage.sandbox.requests[before:]].count(MAKE) == 1


def test_one_project_that_was_pinned_twice_and_differently_is_told_for_each_path(play: Play) -> None:
    address = f"{play.stage.sandbox.url}/coreos/etcd"
    one = ProjectBranch("coreos/etcd", "one", address, play.stage.seeded.pins["coreos/etcd"])
    play.stage.sandbox.add_repositories(play.stage.installation, ["coreos/etcd"])
    twice = one, replace(one, path="two", commit=play.stage.seeded.etcd_release_head)
    line = Line(play, orders=twice)
    line.ensure()
    told = {step.partition(" at ")[2]: row.state for step, row in line.rows.items()}
    assert told == {"`one`": "done", "`two`": "skipped"}
    assert line.at("coreos/etcd") == one.commit


def test_a_release_without_such_projects_asks_nothing(play: Play) -> None:
    line, before = Line(play), asked(play)
    assert line.ensure() is False
    assert (line.rows, asked(play)) == ({}, before)
    with pytest.raises(LookupError):
        ensure_project_branches(play.desk, play.repository, "9.9.9")


def test_the_rows_are_shown_in_the_progress_comment(play: Play) -> None:
    number = play.stage.person("octocat").open_issue("coreos/manifest", "a release")
    line = Line(play, "coreos/scripts", "coreos/etcd")
    line.ensure()
    play.desk.store.merged(play.repository.id, planned().record, number, "ab" * 20, "cd" * 20)
    tell_progress(play.desk, play.repository, line.version)
    (told,) = play.stage.said(number, "progress")
    assert f"| `{BRANCH}` of `coreos/scripts` | ✅ |" in told
    assert f"| `{BRANCH}` of `coreos/etcd` | ❌ |" in told
