"""How the soak campaign tells a process that grows for ever from one that is merely busy."""

from __future__ import annotations

from tests.campaign.soak import GROWTH, SPARE_FILES, Sample, growth


def samples(*memory: int) -> list[Sample]:
    """One sample a round, with as many open files as ever."""
    return [Sample(each, 40) for each in memory]


def test_one_heavy_sample_at_either_end_is_no_growth() -> None:
    for each in (samples(190, *[140] * 8), samples(*[140] * 8, 190)):
        found = growth(each)
        assert (found.memory, found.slope, found.files) == (0, 0, 0)


def test_what_every_round_adds_is_growth() -> None:
    found = growth(samples(*range(100, 127, 3)))
    assert found.slope == 3
    assert found.memory >= GROWTH


def test_files_that_are_left_open_are_counted() -> None:
    found = growth([Sample(140, 40 + number) for number in range(9)])
    assert found.files > SPARE_FILES


def test_a_single_round_says_nothing() -> None:
    assert growth(samples(140)).slope == 0
