"""From an accepted command to an open release pull request.

The steps run at least once each: the plan is a function of what the command and the servers say, its commit is
a function of the plan, and every write looks first whether its result is already there.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.core import refusal as no
from bot.core.audit import is_held
from bot.core.hub import Conclusion, Pull, RepositoryId
from bot.core.objects import commit_payload
from bot.core.plan import Plan, Request, line_of, look_up, plan
from bot.core.record import PREFIX, Record, Sealed, from_json, seal
from bot.core.refusal import Refusal
from bot.core.resolve import Answers, Questions
from bot.core.snapshot import HEADS, Snapshot, release_lines as lines_of
from bot.core.text import pull as text, refusals
from bot.core.version import Version
from bot.flows.desk import Desk
from bot.flows.display import show
from bot.flows.evidence import weaker_tag
from bot.flows.hold import held
from bot.flows.rebuild import ensure_known
from bot.gh import Repository
from bot.histories import Histories
from bot.mirror import Mirror, RefUpdate
from bot.outage import Denied, Outage
from bot.reading import checked, read_configuration, read_snapshot
from bot.resolver import OnHub, Resolver
from bot.store import UNPUBLISHED

PENDING = "release: pending"
MOST_OPEN = 3000


CLOCK = timedelta(minutes=10)
"""Clocks that differ by more than this do not tell the same day for long enough."""


def plan_and_push(desk: Desk, which: RepositoryId, request: Request) -> dict[str, Any]:
    """Plan the request and push its one commit to the plan's own branch. `{"refused": text}` or what comes next."""
    ensure_known(desk, which)
    repository = desk.repository(which)
    with desk.mirror(repository) as mirror:
        if _day_is_unclear(desk, request):
            return _refused(no.BadClock("my clock and GitHub's differ by more than ten minutes."))
        snapshot = read_snapshot(mirror, desk.home(repository), request.line, repository.default_branch(), request)
        hold = held(mirror, snapshot.refs) if isinstance(snapshot, Snapshot) else None
    if not isinstance(snapshot, Snapshot):
        return _refused(snapshot)
    if hold is not None:
        return _refused(no.Held(hold))
    # Servers are asked while nobody waits for the mirror; the push is by leases on what was read before.
    if desk.sdk_check is not None:
        snapshot = checked(snapshot, request, desk.sdk_check.problem)
    planned = _plan(desk, repository, snapshot, request)
    if not isinstance(planned, Plan):
        return _refused(planned)
    taken_back = _taken_back(repository, snapshot, planned)
    with desk.mirror(repository) as mirror:
        if not taken_back and _is_taken(mirror, snapshot, planned):
            return _refused(no.BranchTaken(planned.branch))
        head = _ensure_branch(desk, mirror, snapshot, planned)
        weaker = weaker_tag(desk, mirror, snapshot.refs, snapshot.config, planned.record)
    sealed = Sealed(planned.record, head)
    room = len(seal(sealed.numbered(10**9), desk.marker_key)) + 10
    return {
        "record": planned.record.to_json(),
        "head": head,
        "branch": planned.branch,
        "title": planned.title,
        "body": text.body(planned, room, desk.signer.kind if desk.signer else "none"),
        "weaker": weaker,
        "moved": planned.moves,
        "draft": request.allows("draft"),
    }


def _day_is_unclear(desk: Desk, request: Request) -> bool:
    """Whether the number would be today's, and it is not agreed which day that is."""
    off = desk.hub.skew
    counted = request.kind == "new" and request.build is None and request.version is None
    return counted and off is not None and abs(off) > CLOCK


def _refused(reason: Refusal) -> dict[str, Any]:
    return {"refused": refusals.refused(reason)}


def _plan(desk: Desk, repository: Repository, snapshot: Snapshot, request: Request) -> Plan | Refusal:
    pulls = repository.pulls("open", limit=MOST_OPEN)
    conflict = find_conflict(desk, repository, snapshot, request, pulls)
    if conflict:
        return conflict
    questions = look_up(snapshot, request)
    if not isinstance(questions, Questions):
        return questions
    planned = plan(snapshot, request, resolve(desk, repository, snapshot, request, questions))
    if isinstance(planned, Plan) and any(pull.head == planned.branch and not _ours(desk, pull) for pull in pulls):
        return no.BranchTaken(planned.branch)
    if not isinstance(planned, Plan) or desk.store.reserve(repository.id.id, planned.record, planned.version):
        return planned
    holder = desk.store.release(repository.id.id, planned.record.version)
    if holder is not None and holder.pull is not None:
        return no.AlreadyOpen(holder.pull, holder.version, snapshot.base, same=False)
    return no.BeingProposed(planned.record.version, snapshot.base)


def resolve(desk: Desk, repository: Repository, snapshot: Snapshot, request: Request, questions: Questions) -> Answers:
    """What the projects' servers say."""
    hub = OnHub(repository, desk.settings.github_web_url)
    urls = [want.url for want in (*questions.followed, *questions.named, *questions.waiting)]
    tokens = desk.hub.project_tokens(repository.id, [url for url in urls if hub.knows(url)])
    desk.histories.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=desk.histories) as folder, Histories(desk.policy, Path(folder)) as histories:
        resolver = Resolver(desk.remotes, line_of(snapshot, request), histories, hub, tokens)
        return resolver.answer(questions)


def find_conflict(
    desk: Desk, repository: Repository, snapshot: Snapshot, request: Request, pulls: list[Pull]
) -> Refusal | None:
    """Another release of the same base: merged and not published, or open. Our own pull request is no conflict."""
    for row in desk.store.releases_on(repository.id.id, snapshot.base, UNPUBLISHED):
        mine = Version.parse(row.version)
        passed = any(other.build == mine.build and other > mine for other in snapshot.released)
        if row.state == "stopped" and (passed or not is_held(row.plan, snapshot.tree, snapshot.config)):
            desk.store.superseded(repository.id.id, row.version)
        elif row.state != "proposed" or _is_merged(repository, row.pull):
            return no.NotPublished(row.pull or 0, row.version, snapshot.base)
    for pull in pulls:
        sealed = desk.sealed(repository.id, pull) if pull.base == snapshot.base and _ours(desk, pull) else None
        if sealed is not None and sealed.record.comment != request.comment:
            same = sealed.record.request == request.digest
            return no.AlreadyOpen(pull.number, sealed.record.version, snapshot.base, same)
    return None


def _is_merged(repository: Repository, number: int | None) -> bool:
    """Whether a pull request that we think open was merged meanwhile."""
    pull = repository.pull(number) if number is not None else None
    return pull is not None and pull.merged


def _ours(desk: Desk, pull: Pull) -> bool:
    return pull.author_id == desk.hub.bot().user_id and pull.head.startswith(PREFIX)


def open_releases(desk: Desk, repository: Repository) -> list[Pull]:
    """The open release pull requests of ours."""
    return [pull for pull in repository.pulls("open", limit=MOST_OPEN) if _ours(desk, pull)]


def release_lines(desk: Desk, which: RepositoryId) -> tuple[str, ...]:
    """The release branches that exist, newest line first."""
    repository = desk.repository(which)
    with desk.mirror(repository) as mirror:
        refs = mirror.refs()
        mirror.fetch(refs)
        config = read_configuration(mirror, refs, repository.default_branch())
    branches = [ref.removeprefix(HEADS) for ref in refs if ref.startswith(HEADS)]
    return () if isinstance(config, no.BadConfiguration) else lines_of(branches, config)


def _taken_back(repository: Repository, snapshot: Snapshot, planned: Plan) -> bool:
    """Whether the plan's branch is a merged pull request's, which keeps its commits under a ref of its own."""
    tip = snapshot.refs.get(HEADS + planned.branch)
    if tip is None:
        return False
    return any(pull.merged and pull.head_sha == tip for pull in repository.pulls("closed", head=planned.branch))


def _is_taken(mirror: Mirror, snapshot: Snapshot, planned: Plan) -> bool:
    """Whether the plan's branch exists and does not end in a commit of a plan of ours."""
    tip = snapshot.refs.get(HEADS + planned.branch)
    return tip is not None and "\nPlan: sha256:" not in mirror.commit(tip).message


def _ensure_branch(desk: Desk, mirror: Mirror, snapshot: Snapshot, planned: Plan) -> str:
    """The plan's commit, on the plan's branch. A branch left over from an earlier try of ours is replaced."""
    tree = mirror.write_tree(snapshot.commit, planned.changes)
    payload = commit_payload(
        tree, [snapshot.commit], desk.identity, desk.identity, planned.request.asked_at, text.commit_message(planned)
    )
    head = mirror.write("commit", payload)
    ref = HEADS + planned.branch
    result = mirror.push([RefUpdate(ref, snapshot.refs.get(ref), head)])
    if not result.ok:
        raise Outage("git", f"the branch {planned.branch} was moved by somebody else; reading it again")
    return head


def ensure_pull(desk: Desk, which: RepositoryId, made: dict[str, Any]) -> int:
    """The pull request of this plan, opened or found; its body ends with the record sealed for its number.

    It is opened with the record sealed already: somebody may merge it before we can write the number. So a pull
    request of an earlier try is looked for in every state.
    """
    repository = desk.repository(which)
    record = from_json(made["record"])
    sealed = Sealed(record, made["head"])
    pull = _earlier_pull(desk, repository, made) or repository.open_pull(
        made["branch"], record.base, made["title"], _with_seal(desk, made["body"], sealed), made["draft"]
    )
    if not _ours(desk, pull):
        raise Denied("github", f"pull request {pull.number} of somebody else is open from {made['branch']}")
    body = _with_seal(desk, made["body"], sealed.numbered(pull.number))
    if pull.body.replace("\r\n", "\n") != body:
        repository.edit_pull(pull.number, body=body)
    desk.store.proposed(which.id, record, pull.number, made["head"])
    return pull.number


def _earlier_pull(desk: Desk, repository: Repository, made: dict[str, Any]) -> Pull | None:
    """The pull request that an earlier try opened for exactly this commit, whatever became of it."""
    ours = desk.hub.bot().user_id
    every = repository.pulls("all", head=made["branch"])
    return next((pull for pull in every if pull.author_id == ours and pull.head_sha == made["head"]), None)


def ended_pull(desk: Desk, which: RepositoryId, record: Record) -> int | None:
    """The pull request that an earlier try opened for this comment without noting it, where it is open no more.

    It can be merged before its number is stored, and a new plan would then be one for the next version.
    """
    for pull in desk.repository(which).pulls("closed", head=record.branch):
        sealed = desk.sealed(which, pull) if _ours(desk, pull) else None
        if sealed is not None and sealed.record.comment == record.comment:
            return pull.number
    return None


def _with_seal(desk: Desk, body: str, sealed: Sealed) -> str:
    return f"{body}\n\n{seal(sealed, desk.marker_key)}\n"


def ensure_shown(desk: Desk, which: RepositoryId, number: int, made: dict[str, Any]) -> None:
    """Check run, label and assignee: display, which delays nothing and fails nothing."""
    repository = desk.repository(which)
    record = from_json(made["record"])
    good = text.check(record.digest, record.version, record.tag, record.base)
    title, summary = text.check_red((made["weaker"],)) if made["weaker"] else good
    verdict: Conclusion = "failure" if made["weaker"] else "success"
    show(lambda: repository.check(made["head"], text.CHECK, verdict, title, summary))
    show(lambda: repository.set_labels(number, add=[PENDING], remove=[]))
    show(lambda: repository.assign(number, record.requested_by))
