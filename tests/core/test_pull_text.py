"""The release pull request's text: the story's whole, every kind of row, hostile words, thousands of projects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt

from bot.core.command import Override, parse
from bot.core.config import Build, Channel
from bot.core.hub import Comparison
from bot.core.plan import Caution, Plan, ProjectChange, RefChange, plan
from bot.core.record import seal
from bot.core.resolve import Answers, Move
from bot.core.sensitive import Sensitive
from bot.core.text import pull
from bot.core.version import Version
from tests.core import world
from tests.core.world import OVERLAY, PINS, planned

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {"<details>", "<summary>", "</summary>", "</details>"}


def body(whole: Plan, room: int = 0) -> str:
    return pull.body(whole, room)


def channel(mode: str, seen: Version | None = None, **changes: Any) -> str:
    config = replace(world.CONFIG, channels={"dev-channel": Channel(mode=mode)})  # type: ignore[arg-type]
    files = {world.CHANNEL: seen} if seen else {}
    refs = {**world.snapshot().refs, world.CHANNEL: "ce" * 20} if seen else world.snapshot().refs
    made = planned(**{"config": config, "channel_files": files, "refs": refs, **changes})
    return next(line for line in body(made).split("\n") if line.startswith("| `dev-channel`"))


def test_the_body_of_the_story_whole() -> None:
    old, new = PINS["coreos/etcd"], world.NEW
    unchanged = "\n".join(f"- `{name}` `{pin[:7]}`" for name, pin in PINS.items() if name != "coreos/etcd")
    assert body(planned()) == (
        "### Release 115.0.1 (line build-115)\n"
        "Asked for by @octocat in #40 with `/release patch build-115`. "
        "Machines built from it follow **alpha** (default of this repository).\n\n"
        "| | now | after merge |\n|---|---|---|\n"
        "| Version | 115.0.0 | **115.0.1** |\n"
        "| SDK | 110.0.0 | 110.0.0 (kept) |\n"
        "| default.xml | → master.xml | → **build-115.xml** (first own release of this branch) |\n"
        "| release.xml | → build-115.xml | unchanged |\n\n"
        "**Merging this PR will**\n"
        "1. tag the merge commit `v115.0.1` (annotated) and push it\n\n"
        "| ref | now | after | how |\n|---|---|---|---|\n"
        "| `build-115` | `bababab` | merge commit | this merge |\n"
        "| `v115.0.1` | – | new tag | create |\n"
        "| `dev-channel` | `bababab` (115.0.0) | merge commit | newer version: moves |\n"
        "| `master` | `aaaaaaa` | unchanged | – |\n\n"
        "2. then move `dev-channel` as shown\n"
        "3. start **image-build.yml** in coreos/scripts: image prod, group alpha, official, formats qemu, vmware\n\n"
        "**Projects: 1 of 12 changes** (heads read 2013-10-25 12:01 UTC)\n\n"
        "| project | from | to | upstream | commits |\n|---|---|---|---|---|\n"
        f"| `coreos/etcd` | `{old[:7]}` | [`{new[:7]}`](https://github.com/coreos/etcd/compare/{old}...{new}) "
        "| `refs/heads/master` → **`refs/heads/release-0.1`** | 4 |\n\n"
        "<details><summary>Commits (2 of 4)</summary>\n\n"
        "- `coreos/etcd`: `fix: one`\n- `coreos/etcd`: `fix: two`\n\n</details>\n\n"
        f"<details><summary>11 unchanged projects</summary>\n\n{unchanged}\n\n</details>\n\n"
        "> [!WARNING]\n"
        "> `coreos/etcd` now follows `refs/heads/release-0.1` instead of `refs/heads/master`.\n\n"
        "<details><summary>Change or cancel</summary>\n\n"
        "- Any merge method is fine: merge, squash or rebase. Merging is the release; nothing more is needed.\n"
        "- To change it: close this pull request and post a new command.\n"
        "- To drop it: close this pull request. The branch goes and the version is free again.\n"
        "- Commits pushed to this branch by others stop the publication: only the planned commit is released.\n\n"
        "</details>"
    )


LOW, HIGH = Version(115, 0, 0), Version(116, 0, 0)


@pytest.mark.parametrize(
    ("mode", "seen", "after", "how"),
    [
        ("newer", LOW, "merge commit", "newer version: moves"),
        ("newer", HIGH, "unchanged", "is at a newer version: stays"),
        ("ff", LOW, "merge commit", "newer version: moves, if it is a fast-forward"),
        ("always", LOW, "merge commit", "moves always"),
        ("always", HIGH, "merge commit", "moves always, here BACK to a lower version"),
        ("never", LOW, "unchanged", "moved by hand only"),
    ],
)
def test_a_channels_row_says_what_will_happen_to_it_and_why(mode: str, seen: Version, after: str, how: str) -> None:
    assert channel(mode, seen) == f"| `dev-channel` | `cececec` ({seen}) | {after} | {how} |"


def test_a_channel_that_does_not_exist_is_made() -> None:
    refs = {ref: commit for ref, commit in world.snapshot().refs.items() if ref != world.CHANNEL}
    assert channel("newer", refs=refs) == "| `dev-channel` | – | merge commit | create |"


def test_without_channels_and_build_the_merge_only_tags() -> None:
    told = body(planned(config=replace(world.CONFIG, channels={}, build=Build(trigger="none"))))
    assert "\n2. then leave every channel where it is\n3. start no image build (none is configured)\n" in told


def test_a_link_of_a_hostile_name_is_shown_as_code() -> None:
    told = body(replace(planned(), links={"default.xml": ("@all|<b>", "build-115.xml"), "release.xml": (None, None)}))
    assert "| default.xml | → `@all\\|<b>` | → **build-115.xml** (first own release of this branch) |" in told
    assert "| release.xml |" not in told


@pytest.mark.parametrize(
    ("caution", "told"),
    [
        (Caution("rewind", "a/b", "1", "cd" * 20), "`a/b` goes BACK 1 commit: `cdcdcdc` is no descendant"),
        (Caution("rewind", "a/b", "12", "cd" * 20), "`a/b` goes BACK 12 commits: `cdcdcdc` is no descendant"),
        (Caution("unread", "a/b", "timeout", ""), "`a/b` could not be read (`timeout`), so what waits there"),
        (
            Caution("pinned", "a/b", "refs/heads/x", "build-115"),
            "`a/b` followed `refs/heads/x`, not `build-115`, so it",
        ),
        (
            Caution("unrelated", "a/b", "1", "a/b"),
            "How the new pin relates to the old one is not known for `a/b`; it may",
        ),
        (
            Caution("unrelated", "a/b", "3", "a/b, c/d, e/f"),
            "How the new pin relates to the old one is not known for `a/b, c/d, e/f`",
        ),
        (Caution("sdk", "1.2.3", "", "cd" * 20), "The SDK version `1.2.3` has no release tag; only `cdcdcdc` says it."),
        (Caution("again", "115", "115.0.0", "115.1.0"), "BUILD 115 was released before (115.0.0), so BRANCH goes up."),
    ],
)
def test_a_caution_is_a_warning_of_its_own(caution: Caution, told: str) -> None:
    assert f"\n\n> [!WARNING]\n> {told}" in body(replace(planned(), cautions=(caution,)))


def test_what_waits_is_counted_and_folded() -> None:
    change = planned().projects[0]
    told = body(replace(planned(), waiting=(change, replace(change, since=Comparison(1, 0)))))
    assert "<summary>Waiting on build-115, NOT included (2 projects, 5 commits)</summary>" in told


def test_a_re_spin_says_that_nothing_changes() -> None:
    asked = world.request(flags=frozenset({"allow-empty"}))
    whole = plan(world.snapshot(), asked, world.still(world.snapshot(), asked))
    assert isinstance(whole, Plan)
    assert "**Projects: 0 of 12 change** (heads read" in body(whole)


def test_what_is_planned_by_hand_names_no_issue() -> None:
    by_hand = replace(planned(), record=replace(planned().record, issue=0))
    assert "Asked for by @octocat by hand with `/release patch build-115`." in body(by_hand)


def large(number: int) -> Plan:
    """Every project leaves its upstream, goes back, and as many wait."""
    one, story = planned().projects[0], planned()
    changes = tuple(replace(one, name=f"a/{'p' * 80}-{n}", url=f"https://example.org/{n}") for n in range(number))
    back = Caution("rewind", "last/back", "12", "cd" * 20)
    cautions = (*(Caution("upstream", each.name, "refs/heads/a", "refs/heads/b") for each in changes), back)
    return replace(story, projects=changes, waiting=changes, cautions=cautions, unchanged=story.unchanged * number)


@pytest.mark.parametrize("number", [1, 60, 61, 200, 2000])
def test_however_many_projects_change_the_body_fits_and_keeps_what_matters(number: int) -> None:
    text = seal(world.sealed(), b"k" * 32)
    told = body(large(number), len(text))
    assert len(told) + len(text) <= pull.LIMIT
    for words in ("### Release 115.0.1", "**Merging this PR will**", "`last/back` goes BACK 12", "Change or cancel"):
        assert words in told
    assert f"**Projects: {number} of " in told


@pytest.mark.parametrize(("number", "room", "most"), [(1, 0, 71), (2000, 0, 60), (2000, 50_000, 60)])
def test_what_runs_on_peoples_machines_is_shown_before_however_many_remotes_are_new(
    number: int, room: int, most: int
) -> None:
    remotes = tuple(Sensitive("remote", f"remote-{n:03}", "", "fetch=..") for n in range(70))
    hooks = Sensitive("repo-hooks", "repo-hooks", "", "coreos/chromite: pre-upload")
    told = body(replace(large(number), sensitive=(*remotes, hooks)), room)
    shown = [row for row in told.split("\n") if row.startswith("> - ")]
    assert shown[0] == "> - repo-hooks `repo-hooks`: new → `coreos/chromite: pre-upload`"
    assert shown[most:] == ([] if most == 71 else ["> - and 11 more; read the changed files"])
    assert len(told) + room <= pull.LIMIT


LURES = [
    "@all",
    "#1",
    "<img src=x>",
    "[x](http://e)",
    "![x](//e)",
    "a|b",
    "`",
    "``|`",
    "</details>",
    "-->",
    "\\|",
    "@|",
    "\n\n# x",
]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80) | st.sampled_from(LURES))
def test_no_word_that_others_wrote_is_rendered_wherever_it_stands(word: str) -> None:
    since = Comparison(1, 1, (word,))
    loud = ProjectChange(word, word, word, word, word, word, word, since)
    whole = replace(
        planned(),
        request=replace(planned().request, text=word),
        projects=(loud, replace(loud, new_upstream="refs/heads/a")),
        waiting=(loud,),
        unchanged=((word, word),),
        links={"default.xml": (word, word), "release.xml": (word, "x")},
        refs=(RefChange(f"refs/heads/{word}", word, "merge", "merge"),),
        cautions=(
            Caution("upstream", word, word, word),
            Caution("rewind", word, "1", word),
            Caution("unread", word, word, ""),
        ),
    )
    told = body(whole)
    tokens = [inner for token in PARSER.parse(told) for inner in (token, *(token.children or ()))]
    kinds = {token.type for token in tokens}
    assert not kinds & {"link_open", "image", "fence", "code_block"}
    assert sum(token.type == "heading_open" for token in tokens) == 1
    html = "".join(token.content for token in tokens if token.type in ("html_block", "html_inline"))
    assert html.count("<") == sum(html.count(tag) for tag in OURS)
    shown = "".join(token.content for token in tokens if token.type == "text")
    assert shown.count("@") == 1
    assert parse(told) is None


def test_a_followed_project_that_waits_is_shown_from_a_real_plan() -> None:
    waits = {OVERLAY: Move(world.NEW, "refs/heads/build-115", Comparison(7, 0))}
    whole = plan(world.snapshot(), world.request(Override("etcd", world.NEW)), Answers({}, world.moved(), waits))
    assert isinstance(whole, Plan)
    assert "NOT included (1 project, 7 commits)" in body(whole)
