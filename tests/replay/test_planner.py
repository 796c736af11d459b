"""The adapter that plans real releases again, tried on made-up ones, so that it works where none are at hand."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import pytest

from sandbox import seed_files
from tests.core.world import PINS, tree
from tests.replay.planner import answer

MASTER = "refs/heads/master"
TIPS = {name: {MASTER: "c" * 40} for name in PINS}


def case(**changes: Any) -> dict[str, Any]:
    """A release off the main branch of the seed's repository, the day after 115."""
    files = {path: {"mode": entry.mode, "text": entry.data.decode()} for path, entry in tree().entries.items()}
    whole: dict[str, Any] = {
        "command": "new",
        "base_branch": "master",
        "layout": "B-release-link-4var",
        "date": "2013-10-25T00:00:01Z",
        "version": None,
        "sdk": None,
        "heads": TIPS,
        "overrides": [],
        "cleanup": None,
        "dest_branch": False,
        "follow_up": None,
        "tree": files,
        "repo": "/nonexistent",
        "before": "b" * 40,
    }
    return {**whole, **changes}


def test_a_new_release_is_planned_from_what_the_servers_said() -> None:
    after = answer(case())["tree"]
    pins = dict.fromkeys(PINS, "c" * 40)
    assert after["build-116.xml"]["text"] == seed_files.release_manifest(pins, 116).decode()
    assert after["release.xml"] == {"mode": "120000", "text": "build-116.xml"}
    assert after["version.txt"]["text"] == seed_files.version_file(116, "115.0.0").decode()
    assert "build-115.xml" not in after


def test_a_bump_on_a_release_branch_changes_what_it_names() -> None:
    bump = {"name": "coreos/etcd", "path": "src/third_party/etcd", "upstream": "refs/heads/v1"}
    heads = {"coreos/etcd": {"refs/heads/v1": "d" * 40}}
    after = answer(case(command="branch", base_branch="build-115", overrides=[bump], heads=heads))["tree"]
    assert f'revision="{"d" * 40}" upstream="refs/heads/v1"' in after["build-115.xml"]["text"]
    assert "COREOS_BRANCH=1\nCOREOS_PATCH=0\n" in after["version.txt"]["text"]
    assert after["default.xml"]["text"] == "master.xml"


def test_a_tracking_release_is_answered_with_its_second_commit() -> None:
    files = case()["tree"]
    files["release.xml"] = {"mode": "100644", "text": files["build-115.xml"]["text"]}
    told = answer(case(layout="D-release-file", tree=files, follow_up=["coreos-overlay"]) | {"tree": files})
    assert told["tree"]["release.xml"] == told["tree"]["build-116.xml"]
    assert told["follow_up_tree"]["build-116.xml"]["text"].count('revision="refs/heads/build-116"') == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"command": "overlay"}, "there is no command overlay"),
        ({"heads": {}}, "is on no branch or tag of"),
        ({"sdk": "1.2"}, "No release has the SDK version `1.2`"),
    ],
)
def test_what_cannot_be_planned_is_answered_with_a_sentence(changes: dict[str, Any], told: str) -> None:
    assert told in answer(case(**changes))["error"]


def test_it_answers_each_line_with_a_line() -> None:
    lines = "".join(json.dumps(each) + "\n" for each in (case(), case(command="overlay")))
    done = subprocess.run(
        [sys.executable, "-m", "tests.replay.planner"], input=lines, capture_output=True, text=True, check=True
    )
    assert [sorted(json.loads(line)) for line in io.StringIO(done.stdout)] == [["tree"], ["error"]]
