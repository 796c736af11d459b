"""What every test may ask for: a database server of the tests' own, and an empty store of either kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres


@pytest.fixture(scope="session")
def _server() -> Iterator[postgres.Server]:
    try:
        with postgres.server() as running:
            yield running
    except postgres.Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture
def server(_server: postgres.Server) -> Iterator[postgres.Server]:
    """A running PostgreSQL server; a test that ends it leaves it to be started again here."""
    yield _server
    if not _server.running:
        _server.start()


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """DATABASE_URL of an empty store: none, for the SQLite file in DATA_DIR, or a database on PostgreSQL."""
    if request.param == "sqlite":
        return None
    made: postgres.Server = request.getfixturevalue("server")
    return made.database()
