"""Three releases of one afternoon, on three lines with one channel, merged within minutes of each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.model.afternoon import AFTER, seed_lines, seeded_tags
from tests.oracle import Oracle
from tests.stage import MANIFEST, stage


@pytest.mark.parametrize("order", [(1745, 1772, 1786), (1786, 1745, 1772)])
def test_the_channel_ends_at_the_highest_of_three_whatever_the_order_of_merging(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    with stage(tmp_path) as play:
        seed_lines(play)
        oracle = Oracle(play.sandbox, MANIFEST, [tmp_path / "data"], may_stop=False).watch()
        before = seeded_tags(play.seeded)
        play.migrate()
        play.start()
        for build in AFTER:
            play.ask(f"/release branch build-{build} --allow-empty")
        heads = {f"release-bot/{tag}": build for build, tag in AFTER.items()}
        pulls = play.until(
            "three pull requests", lambda: found if len(found := play.person("octocat").pulls(MANIFEST)) == 3 else None
        )
        numbers = {heads[each["head"]["ref"]]: each["number"] for each in pulls}
        merged = {build: play.person("hubot").merge(MANIFEST, numbers[build]) for build in order}

        for build, tag in AFTER.items():
            number = numbers[build]
            play.until(f"the end of {tag}", lambda number=number: play.said(number, "end"))  # type: ignore[misc]
        assert oracle.settled() == []
        refs = play.refs()
        assert seeded_tags(play.seeded) - before == {f"refs/tags/{tag}" for tag in AFTER.values()}
        assert {build: refs[f"refs/tags/{tag}^{{}}"] for build, tag in AFTER.items()} == merged
        assert refs["refs/heads/dev-channel"] == merged[1786]
        assert oracle.dispatches() == dict.fromkeys(AFTER.values(), 1)
