"""The bot's life against the model: few and short lives here, `LIVES=2000 LIFE_STEPS=50` at night."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.house import House, house
from tests.model.machine import Life

LIVES = int(os.environ.get("LIVES", "6"))
STEPS = int(os.environ.get("LIFE_STEPS", "20"))
AT_NIGHT = "LIVES" in os.environ


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


def test_whatever_happens_the_refs_are_where_the_model_says(built: House, tmp_path: Path) -> None:
    machine = type("TestedLife", (Life,), {"house": built})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not AT_NIGHT,
            database=None,
            phases=(Phase.generate, Phase.shrink) if AT_NIGHT else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
