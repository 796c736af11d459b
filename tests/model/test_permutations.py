"""Events of one release in other orders, lost and doubled: where it ends is the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model.house import House, house
from tests.model.permutations import KINDS, final, told


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.mark.parametrize("telling", [[], list(KINDS) * 2, list(reversed(KINDS)), told(random.Random(7))])
def test_however_a_release_is_told_of_it_ends_the_same(built: House, tmp_path: Path, telling: list[str]) -> None:
    assert final(built, tmp_path, telling) == []
