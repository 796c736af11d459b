"""A company for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.company import Company
from tests.postgres import Server


@pytest.fixture
def company(tmp_path: Path, server: Server) -> Iterator[Company]:
    """Nobody works yet."""
    made = Company(tmp_path, server.database())
    yield made
    made.end()
