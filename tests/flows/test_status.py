"""`/release status`: what is merged and not published is seen by everybody, first of all."""

from __future__ import annotations

from sandbox.seed import commit_files
from tests.flows.conftest import Play
from tests.stage import MANIFEST


def test_everybody_sees_lines_channels_and_what_is_open(play: Play) -> None:
    pull = play.propose()
    told = play.type("/release status", "mallory")
    assert "| `build-115` | 115.0.0 | – |" in told
    assert f"Open: #{pull} proposes `v115.0.1` for `build-115`, asked for by @octocat." in told
    assert "| `dev-channel` | 115.0.0 |" in told


def test_what_stopped_comes_first_with_its_reason_and_its_exits(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    commit_files(play.stage.seeded.manifest, "build-115", {"version.txt": ("100644", b"COREOS_BUILD=9\n")}, "mine")
    play.publish(pull)
    told = play.type("/release status build-115")
    assert told.startswith(f"**Merged and not published:** #{pull} (v115.0.1 on `build-115`) stopped: `proof 4: ")
    assert "`/release resume`, `/release adopt` or `/release abandon` there." in told
    assert "Merged and not published" not in play.type("/release status build-109")


def test_one_version_is_told_with_its_tag_and_its_build(play: Play) -> None:
    pull = play.propose()
    merged = play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    told = play.type("/release status v115.0.1")
    assert told.startswith(f"`v115.0.1` is at `{merged[:12]}`, ")
    assert f"merged by @hubot (#{pull}). It is building. Image build: [run " in told
    assert play.type("/release status 7.7.7") == "`v7.7.7` was never released, and nothing proposes it."
