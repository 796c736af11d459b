"""What a mirror writes: trees and objects, byte for byte as git would, and nothing outside of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.core.objects import Identity, commit_payload, tag_payload
from bot.core.tree import EXECUTABLE, FILE, LINK, Entry
from tests.git_server import FILES, Project
from tests.mirror.conftest import Opened

WHEN = datetime(2013, 10, 24, tzinfo=UTC)
BOT = Identity("release bot", "bot@example.com")


def test_a_tree_is_written_as_git_would_write_it(opened: Opened, project: Project) -> None:
    base = project.commit({**FILES, "old.xml": "old"})
    changes = {
        "version.txt": Entry(FILE, b"new\n"),
        "release.xml": Entry(LINK, b"build-115.xml"),
        "docs/b/c.md": Entry(EXECUTABLE, b"c"),
        "old.xml": None,
    }
    with opened() as mirror:
        made = mirror.write_tree(base, changes)
        wanted = mirror.tree(base).with_changes(changes)
        commit = mirror.write("commit", commit_payload(made, [base], BOT, BOT, WHEN, "x"))
        assert mirror.tree(commit) == wanted
    files = {path: (entry.mode, entry.data) for path, entry in wanted.entries.items()}
    assert made == project.tree(files)


@pytest.mark.parametrize("path", ["../out", "/abs", ".git/config", "a//b", "a/../b", ""])
def test_a_path_that_leads_elsewhere_is_never_written(path: str, opened: Opened, project: Project) -> None:
    base = project.commit(FILES)
    with opened() as mirror, pytest.raises(ValueError, match=r"\S"):
        mirror.write_tree(base, {path: Entry(FILE, b"x")})


def test_a_path_cannot_be_a_file_and_a_folder(opened: Opened, project: Project) -> None:
    base = project.commit(FILES)
    with opened() as mirror, pytest.raises(ValueError, match="a file and a folder"):
        mirror.write_tree(base, {"version.txt/x": Entry(FILE, b"x")})


def test_an_object_that_is_none_is_refused_and_the_mirror_stays(opened: Opened, project: Project) -> None:
    commit = project.commit(FILES)
    with opened() as mirror:
        with pytest.raises(ValueError, match=r"\S"):
            mirror.write("commit", b"nonsense")
        with pytest.raises(ValueError, match=r"\S"):
            mirror.write("tag", tag_payload(commit, "v1", BOT, WHEN, "x").replace(b"tagger", b"tigger"))
        assert mirror.commit(commit).sha == commit
