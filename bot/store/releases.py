"""What is known of each release: the reservation of its version, then how far it came.

One row for each (repository, version). Every change may be made again, and none takes a release back from a later
state to an earlier one, so a step that is entered twice does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from bot.core.record import Record, from_json
from bot.core.version import Version
from bot.store.database import begin, insert
from bot.store.tables import releases

ReleaseState = Literal[
    "proposed", "merged", "publishing", "stopped", "published", "building", "built", "failed", "withdrawn", "superseded"
]
FREE: tuple[ReleaseState, ...] = ("withdrawn", "superseded")
"""States in which a version may be reserved anew."""
PROPOSED: tuple[ReleaseState, ...] = ("proposed",)
STOPPED: tuple[ReleaseState, ...] = ("stopped",)
OPEN: tuple[ReleaseState, ...] = (*PROPOSED, *FREE)
"""States that a new plan, or its merge, may overwrite."""
UNPUBLISHED: tuple[ReleaseState, ...] = ("proposed", "merged", "publishing", "stopped")
"""States before the tag is pushed."""
PUBLISHED: tuple[ReleaseState, ...] = ("published", "building", "built", "failed")
"""States after it: nothing leads back from here."""
FORGOTTEN = timedelta(hours=2)
"""A reservation that led to no pull request is free again after this: its attempts have ended by then."""


@dataclass(frozen=True)
class Release:
    """One release as it is known here. `plan` is the record its pull request carries; times are UTC."""

    repository: int
    version: str
    base: str
    state: ReleaseState
    plan: Record
    requested_by: str
    pull: int | None
    head: str
    merge_commit: str
    merged_by: str | None
    merged_at: datetime | None
    tag_object: str
    tag_payload: bytes | None
    correlation_id: str
    dispatched_at: datetime | None
    run_id: int | None
    run_url: str | None
    reason: str
    rows: list[Any]
    created_at: datetime
    updated_at: datetime


class Releases:
    """The half of the Store that keeps releases."""

    engine: sa.Engine
    now: Callable[[], datetime]

    def reserve(self, repository: int, record: Record, version: Version) -> bool:
        """Take the version for this plan. False where another command has it: one release a (repository, version).

        The same command may reserve again with a newer plan; a withdrawn version is free.
        """
        values = {**self._fresh(repository, record), "line": version.build}
        again = sa.or_(
            releases.c.state.in_(FREE),
            sa.and_(releases.c.state == "proposed", releases.c.comment == record.comment),
            sa.and_(
                releases.c.state == "proposed",
                releases.c.pull.is_(None),
                sa.or_(
                    releases.c.updated_at < (self.now() - FORGOTTEN).isoformat(),
                    releases.c.updated_at > (self.now() + FORGOTTEN).isoformat(),  # written by a clock that was wrong
                ),
            ),
        )
        taken = insert(self.engine)(releases).values(values)
        taken = taken.on_conflict_do_update(index_elements=["repository_id", "version"], set_=values, where=again)
        with begin(self.engine) as connection:
            # Asked for by RETURNING: for an INSERT the PostgreSQL driver counts no rows.
            return connection.execute(taken.returning(releases.c.version)).first() is not None

    def proposed(self, repository: int, record: Record, pull: int, head: str) -> None:
        """Its pull request is open, with this head."""
        self._know(repository, record, {"pull": pull, "head_sha": head, "state": "proposed"}, OPEN)

    def merged(
        self,
        repository: int,
        record: Record,
        pull: int,
        head: str,
        merge_commit: str,
        merged_by: str | None = None,
        merged_at: datetime | None = None,
    ) -> None:
        """Its pull request was merged; known from here on even where the row was lost."""
        values = {
            "pull": pull,
            "head_sha": head,
            "merge_commit": merge_commit,
            "merged_by": merged_by,
            "merged_at": merged_at.isoformat() if merged_at else None,
        }
        self._know(repository, record, {**values, "state": "merged"}, OPEN)
        # The plan that is sealed is the one that is proved, whatever this store remembers of an earlier one.
        sealed = {"record": json.dumps(record.to_json())}
        self._update(repository, record.version, {**values, **sealed}, UNPUBLISHED)

    def recovered(self, repository: int, record: Record, state: ReleaseState, known: Mapping[str, Any]) -> None:
        """What a lost store had to know, read from GitHub and git; a row that is there stays as it is.

        `known` holds columns by name. `published` with a `reason` means that nobody knows what became of its image
        build: it is not to be started unasked.
        """
        values = {**self._fresh(repository, record), **known, "state": state, "created_at": record.asked_at}
        found = insert(self.engine)(releases).values(values).on_conflict_do_nothing()
        with begin(self.engine) as connection:
            connection.execute(found)

    def publishing(self, repository: int, version: str, tag_payload: bytes, at: datetime) -> None:
        """All proofs held; this tag object is about to be pushed, and is pushed again after a crash."""
        values = {"state": "publishing", "tag_payload": tag_payload, "reason": "", "updated_at": at.isoformat()}
        self._update(repository, version, values, UNPUBLISHED)

    def published(
        self, repository: int, version: str, tag_object: str, merge_commit: str, rows: Sequence[Any] = ()
    ) -> None:
        """The tag is on the server."""
        values = {"tag_object": tag_object, "merge_commit": merge_commit}
        self._update(repository, version, values)
        self._update(repository, version, {"state": "published", "reason": ""}, UNPUBLISHED)
        self.add_rows(repository, version, rows)

    def stopped(self, repository: int, version: str, reason: str) -> None:
        """Merged, and a proof does not hold. What is published stays published."""
        self._update(repository, version, {"state": "stopped", "reason": reason}, UNPUBLISHED)

    def adopted(self, repository: int, record: Record, head: str) -> None:
        """What was merged is taken for the release; a tag that was made ready for another tree is not pushed."""
        values = {"record": json.dumps(record.to_json()), "head_sha": head, "tag_payload": None, "reason": ""}
        self._update(repository, record.version, values, UNPUBLISHED)

    def withdrawn(self, repository: int, version: str, pull: int) -> None:
        """Its pull request was closed unmerged: the version is free."""
        mine = releases.c.pull == pull
        self._update(repository, version, {"state": "withdrawn"}, PROPOSED, mine)

    def dispatching(self, repository: int, version: str, correlation_id: str, at: datetime) -> None:
        """Its image build is about to be asked for under this name."""
        values = {"correlation_id": correlation_id, "dispatched_at": at.isoformat(), "reason": ""}
        self._update(repository, version, values)

    def superseded(self, repository: int, version: str) -> None:
        """It was merged, never published, and its base holds it no longer: the version is free."""
        self._update(repository, version, {"state": "superseded"}, STOPPED)

    def not_dispatched(self, repository: int, version: str) -> None:
        """GitHub refused to start its image build: no run of it can appear."""
        self._update(repository, version, {"dispatched_at": None})

    def building(self, repository: int, version: str, run_id: int, run_url: str) -> None:
        """This run builds its image. A run that has ended here stays ended."""
        other = sa.or_(releases.c.run_id.is_(None), releases.c.run_id != run_id, releases.c.state == "published")
        values = {"state": "building", "run_id": run_id, "run_url": run_url, "reason": ""}
        self._update(repository, version, values, None, other)

    def build_ended(self, repository: int, version: str, state: ReleaseState, reason: str) -> None:
        """Its image build is `built` or `failed`."""
        self._update(
            repository, version, {"state": state, "reason": reason}, ("published", "building", "built", "failed")
        )

    def add_rows(self, repository: int, version: str, rows: Sequence[Any]) -> None:
        """Add lines to its progress table; a line about the same step takes the earlier one's place."""
        mine = self._mine(repository, version)
        with begin(self.engine) as connection:
            known = connection.execute(sa.select(releases.c.progress).where(mine)).scalar()
            if known is None:
                return
            lines = {_step(row): row for row in [*json.loads(known), *rows]}
            connection.execute(releases.update().where(mine).values(progress=json.dumps(list(lines.values()))))

    def release(self, repository: int, version: str) -> Release | None:
        """One release."""
        found = self._select(self._mine(repository, version))
        return found[0] if found else None

    def release_of_pull(self, repository: int, pull: int) -> Release | None:
        """The release that this pull request proposes."""
        found = self._select(releases.c.repository_id == repository, releases.c.pull == pull)
        return found[0] if found else None

    def release_of_comment(self, repository: int, comment: int) -> Release | None:
        """The release that this comment asked for."""
        found = self._select(releases.c.repository_id == repository, releases.c.comment == comment)
        return found[0] if found else None

    def release_of_run(self, run_id: int) -> Release | None:
        """The release whose image this run builds; None for the many runs that are none of ours."""
        found = self._select(releases.c.run_id == run_id)
        return found[0] if found else None

    def releases(self, repository: int, states: Collection[ReleaseState] | None = None) -> list[Release]:
        """The releases of a repository, newest first; with `states`, those in one of them."""
        wanted = () if states is None else (releases.c.state.in_(states),)
        return self._select(releases.c.repository_id == repository, *wanted)

    def releases_on(self, repository: int, base: str, states: Collection[ReleaseState]) -> list[Release]:
        """The releases made from this branch that are in one of these states."""
        return self._select(
            releases.c.repository_id == repository, releases.c.base == base, releases.c.state.in_(states)
        )

    def _fresh(self, repository: int, record: Record) -> dict[str, Any]:
        """A row as it is when its version is reserved: nothing of an earlier use of the number is left."""
        now = self.now().isoformat()
        empty = {"head_sha": "", "merge_commit": "", "tag_object": "", "correlation_id": "", "reason": ""}
        unknown = ("pull", "merged_by", "merged_at", "tag_payload", "dispatched_at", "run_id", "run_url")
        return {
            **empty,
            **dict.fromkeys(unknown),
            "repository_id": repository,
            "version": record.version,
            "base": record.base,
            "line": Version.parse(record.version).build,
            "state": "proposed",
            "record": json.dumps(record.to_json()),
            "comment": record.comment,
            "requested_by": record.requested_by,
            "build_repository": record.build.repository if record.build else None,
            "progress": "[]",
            "created_at": now,
            "updated_at": now,
        }

    def _know(
        self, repository: int, record: Record, values: Mapping[str, Any], states: Collection[ReleaseState]
    ) -> None:
        """Have a row for this release with these values; one that is past `states` stays as it is."""
        fresh = {**self._fresh(repository, record), **values}
        changed = {name: value for name, value in fresh.items() if name != "created_at"}
        known = insert(self.engine)(releases).values(fresh)
        with begin(self.engine) as connection:
            connection.execute(
                known.on_conflict_do_update(
                    index_elements=["repository_id", "version"], set_=changed, where=releases.c.state.in_(states)
                )
            )

    def _update(
        self,
        repository: int,
        version: str,
        values: Mapping[str, Any],
        states: Collection[ReleaseState] | None = None,
        also: sa.ColumnElement[bool] | None = None,
    ) -> None:
        where = [self._mine(repository, version)]
        if states is not None:
            where.append(releases.c.state.in_(states))
        if also is not None:
            where.append(also)
        change = releases.update().where(*where).values({"updated_at": self.now().isoformat(), **values})
        with begin(self.engine) as connection:
            connection.execute(change)

    def _mine(self, repository: int, version: str) -> sa.ColumnElement[bool]:
        return sa.and_(releases.c.repository_id == repository, releases.c.version == version)

    def _select(self, *wanted: sa.ColumnElement[bool]) -> list[Release]:
        query = sa.select(releases).where(*wanted).order_by(releases.c.created_at.desc(), releases.c.version)
        with begin(self.engine) as connection:
            return [_release(row) for row in connection.execute(query).mappings()]


def _release(row: Any) -> Release:
    return Release(
        repository=row["repository_id"],
        version=row["version"],
        base=row["base"],
        state=row["state"],
        plan=from_json(json.loads(row["record"])),
        requested_by=row["requested_by"],
        pull=row["pull"],
        head=row["head_sha"],
        merge_commit=row["merge_commit"],
        merged_by=row["merged_by"],
        merged_at=_time(row["merged_at"]),
        tag_object=row["tag_object"],
        tag_payload=row["tag_payload"],
        correlation_id=row["correlation_id"],
        dispatched_at=_time(row["dispatched_at"]),
        run_id=row["run_id"],
        run_url=row["run_url"],
        reason=row["reason"],
        rows=json.loads(row["progress"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _step(row: Any) -> str:
    """What a progress line is about: its field "step", or its first cell."""
    return str(row["step"] if isinstance(row, dict) else row[0])
