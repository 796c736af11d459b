"""The shape of the house, kept by tests: who may import whom."""

from __future__ import annotations

from importlinter.cli import lint_imports


def test_imports_go_one_way_and_the_core_is_pure() -> None:
    assert lint_imports(no_cache=True) == 0
