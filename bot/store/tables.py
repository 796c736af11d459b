"""The tables, as SQLAlchemy Core describes them. Times are ISO 8601 UTC texts, JSON is ASCII text."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

# SQLite counts up only a column declared INTEGER.
_number = BigInteger().with_variant(Integer, "sqlite")

inbox = Table(
    "inbox",
    metadata,
    Column("seq", _number, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    Column("guid", Text, unique=True),
    Column("body_sha256", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("repository_id", BigInteger, nullable=False),
    Column("installation_id", BigInteger, nullable=False),
    Column("sender", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("received_at", Text, nullable=False),
    Column("intents", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("outcome", Text, index=True),
    Column("detail", Text, nullable=False, default=""),
    Column("finished_at", Text),
    sqlite_autoincrement=True,
)

repositories = Table(
    "repositories",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("installation", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("repository_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Text, primary_key=True),
    Column("base", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("comment", BigInteger, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("pull", Integer),
    Column("head_sha", Text, nullable=False, default=""),
    Column("merge_commit", Text, nullable=False, default=""),
    Column("merged_by", Text),
    Column("merged_at", Text),
    Column("tag_object", Text, nullable=False, default=""),
    Column("tag_payload", LargeBinary),
    Column("correlation_id", Text, nullable=False, default=""),
    Column("dispatched_at", Text),
    Column("build_repository", Text),
    Column("run_id", BigInteger, index=True),
    Column("run_url", Text),
    Column("reason", Text, nullable=False, default=""),
    Column("progress", Text, nullable=False, default="[]"),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

slots = Table(
    "slots",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    # A time as the database knows it, for its clock alone decides who holds a slot.
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
