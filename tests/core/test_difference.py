"""The difference of two releases: what is matched with what, and the laws that hold whatever the manifests say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st
from markdown_it import MarkdownIt

from bot.core.difference import Changed, Difference, difference, matched
from bot.core.manifest import Manifest, Project, Remote
from bot.core.text.difference import LIMIT, WIDEST, as_markdown, as_text, plain

URL = "https://github.com/coreos/manifest"
REMOTES = {"github": Remote("github", ".."), "cros": Remote("cros", "https://chromium.googlesource.com/")}
OLD, NEW = "aa" * 20, "bb" * 20


def project(name: str, path: str, revision: str = OLD, **more: Any) -> Project:
    return Project(name, path, more.pop("remote", "github"), revision, **more)


def manifest(*projects: Project) -> Manifest:
    return Manifest(projects, REMOTES)


ETCD = project("coreos/etcd", "src/etcd", upstream="refs/heads/master")
SCRIPTS = project("coreos/scripts", "src/scripts")


def compared(old: list[Project], new: list[Project]) -> Difference:
    return difference(manifest(*old), manifest(*new), URL)


def only(found: Difference) -> Changed:
    """The one project that changed, where nothing else did."""
    assert (found.added, found.removed, len(found.changed)) == ((), (), 1)
    return found.changed[0]


def test_a_new_pin_is_shown_with_the_address_to_compare_at() -> None:
    new = replace(ETCD, revision=NEW, upstream="refs/heads/release-0.1")
    found = compared([ETCD, SCRIPTS], [new, SCRIPTS])
    assert found.unchanged == 1
    address = "https://github.com/coreos/etcd"
    assert only(found) == Changed(
        path="src/etcd",
        old_path="src/etcd",
        name="coreos/etcd",
        old_name="coreos/etcd",
        url=address,
        old_url=address,
        old=OLD,
        new=NEW,
        old_upstream="refs/heads/master",
        new_upstream="refs/heads/release-0.1",
    )
    change = only(found)
    assert change.repinned
    assert change.follows_another
    assert not any((change.renamed, change.moved, change.readdressed))


def test_a_rename_at_the_same_path_is_one_change() -> None:
    change = only(compared([ETCD], [replace(ETCD, name="etcd-io/etcd")]))
    assert (change.old_name, change.name) == ("coreos/etcd", "etcd-io/etcd")
    assert change.renamed
    assert change.readdressed
    assert not any((change.moved, change.repinned, change.follows_another))
    assert (change.old_url, change.url) == ("https://github.com/coreos/etcd", "https://github.com/etcd-io/etcd")


def test_a_project_at_another_path_is_found_by_its_name() -> None:
    change = only(compared([ETCD], [replace(ETCD, path="third_party/etcd")]))
    assert (change.old_path, change.path) == ("src/etcd", "third_party/etcd")
    assert change.moved
    assert not any((change.renamed, change.repinned, change.readdressed))


def test_another_remote_alone_is_a_change_but_another_name_for_the_same_address_is_none() -> None:
    assert only(compared([ETCD], [replace(ETCD, remote="cros")])).readdressed
    remotes = {"hub": Remote("hub", "https://github.com/")}
    new = Manifest((replace(ETCD, remote="hub"),), remotes)
    assert difference(manifest(ETCD), new, URL).empty


def test_the_path_counts_before_the_name() -> None:
    found = compared([ETCD, SCRIPTS], [replace(SCRIPTS, path="src/etcd"), replace(ETCD, path="src/scripts")])
    assert [(change.old_name, change.name) for change in found.changed] == [
        ("coreos/etcd", "coreos/scripts"),
        ("coreos/scripts", "coreos/etcd"),
    ]


def test_of_several_places_of_one_name_the_unchanged_revision_decides() -> None:
    old = [project("linux", "a", OLD), project("linux", "b", NEW)]
    found = compared(old, [project("linux", "c", NEW)])
    assert [(change.old_path, change.path) for change in found.changed] == [("b", "c")]
    assert found.removed == (old[0],)


def test_what_has_no_counterpart_is_added_or_removed_in_the_order_of_its_manifest() -> None:
    found = compared([SCRIPTS, ETCD], [project("b", "b"), project("a", "a")])
    assert [each.name for each in found.added] == ["b", "a"]
    assert found.removed == (SCRIPTS, ETCD)
    assert (found.changed, found.unchanged, found.empty) == ((), 0, False)


def test_changes_stand_in_the_order_of_the_new_manifest() -> None:
    found = compared([ETCD, SCRIPTS], [replace(SCRIPTS, revision=NEW), replace(ETCD, revision=NEW)])
    assert [change.name for change in found.changed] == ["coreos/scripts", "coreos/etcd"]


names, few = st.sampled_from("abcd"), st.sampled_from([OLD, NEW])
projects = st.lists(
    st.builds(project, names, st.sampled_from("pqrst"), few, remote=st.sampled_from(sorted(REMOTES))),
    max_size=5,
    unique_by=lambda each: each.path,
)


@given(projects)
def test_a_manifest_does_not_differ_from_itself(some: list[Project]) -> None:
    found = compared(some, some)
    assert found.empty
    assert found.unchanged == len(some)


@given(projects, projects)
def test_every_project_of_both_releases_appears_exactly_once(old: list[Project], new: list[Project]) -> None:
    found = compared(old, new)
    before = matched(manifest(*old), manifest(*new))
    same = [path for path in before if path not in {change.path for change in found.changed}]
    assert len(same) == found.unchanged
    new_paths = [*(each.path for each in found.changed), *(each.path for each in found.added), *same]
    assert sorted(new_paths) == sorted(each.path for each in new)
    same_before = [before[path].path for path in same]
    old_paths = [*(each.old_path for each in found.changed), *(each.path for each in found.removed), *same_before]
    assert sorted(old_paths) == sorted(each.path for each in old)


@given(projects, projects, st.randoms())
def test_the_order_of_the_projects_does_not_matter_for_what_is_matched(
    old: list[Project], new: list[Project], dice: Any
) -> None:
    def sets(found: Difference) -> tuple[frozenset[Any], ...]:
        return frozenset(found.changed), frozenset(found.added), frozenset(found.removed)

    shuffled = dice.sample(old, len(old)), dice.sample(new, len(new))
    assert sets(compared(old, new)) == sets(compared(*shuffled))


@given(projects, projects)
def test_no_name_is_both_added_and_removed(old: list[Project], new: list[Project]) -> None:
    found = compared(old, new)
    assert not Counter(each.name for each in found.added) & Counter(each.name for each in found.removed)


@given(projects, projects)
def test_what_changed_says_in_what(old: list[Project], new: list[Project]) -> None:
    for change in compared(old, new).changed:
        assert change.renamed or change.moved or change.repinned or change.readdressed or change.follows_another


def pages(url: str, old: str, new: str) -> str | None:
    return f"{url}/compare/{old}...{new}"


EVERYTHING = compared(
    [ETCD, SCRIPTS, project("a", "a", "main"), project("gone", "gone"), project("far", "far", remote="cros")],
    [
        replace(ETCD, name="etcd-io/etcd", revision=NEW, upstream="refs/heads/release-0.1"),
        replace(SCRIPTS, path="scripts"),
        project("a", "a", "dev"),
        project("far", "far"),
        project("new", "new", "refs/tags/v1"),
    ],
)


def test_the_terminal_shows_columns_with_what_is_not_the_same() -> None:
    assert as_text(EVERYTHING) == (
        "changed  etcd-io/etcd    src/etcd  aaaaaaaaaaaa  bbbbbbbbbbbb  "
        "was coreos/etcd; follows refs/heads/release-0.1, was refs/heads/master\n"
        "changed  coreos/scripts  scripts   aaaaaaaaaaaa  aaaaaaaaaaaa  was at src/scripts\n"
        "changed  a               a         main          dev\n"
        "changed  far             far       aaaaaaaaaaaa  aaaaaaaaaaaa  "
        "from https://github.com/far, was https://chromium.googlesource.com/far\n"
        "added    new             new       -             refs/tags/v1\n"
        "removed  gone            gone      aaaaaaaaaaaa  -\n"
        "4 changed, 1 added, 1 removed, 0 unchanged.\n"
    )
    assert as_text(compared([ETCD], [ETCD])) == "0 changed, 0 added, 0 removed, 1 unchanged.\n"


def test_a_comment_shows_a_table_whose_new_pins_lead_to_the_commits_between() -> None:
    link = f"https://github.com/etcd-io/etcd/compare/{OLD}...{NEW}"
    assert as_markdown(EVERYTHING, pages) == (
        "**Projects: 4 changed, 1 added, 1 removed, 0 unchanged**\n\n"
        "| project | from | to | upstream |\n|---|---|---|---|\n"
        f"| `coreos/etcd` → **`etcd-io/etcd`** | `aaaaaaa` | [`bbbbbbb`]({link}) "
        "| `refs/heads/master` → **`refs/heads/release-0.1`** |\n"
        "| `coreos/scripts`<br>at `src/scripts` → **`scripts`** | `aaaaaaa` | `aaaaaaa` | – |\n"
        "| `a` | `main` | `dev` | – |\n"
        "| `far`<br>from `https://chromium.googlesource.com/far` → **`https://github.com/far`** "
        "| `aaaaaaa` | `aaaaaaa` | – |\n\n"
        "**Added**\n\n- `new` at `new`, `refs/tags/v1`\n\n"
        "**Removed**\n\n- `gone` at `gone`, `aaaaaaa`"
    )
    assert "compare" not in as_markdown(EVERYTHING, lambda *_: None)
    assert as_markdown(compared([ETCD], [ETCD]), pages) == ("**Projects: 0 changed, 0 added, 0 removed, 1 unchanged**")


def test_an_upstream_that_comes_or_goes_is_a_dash_on_the_other_side() -> None:
    found = compared([ETCD], [replace(ETCD, upstream=None)])
    assert "| `refs/heads/master` → **–** |" in as_markdown(found, pages)
    assert as_text(found).startswith("changed  coreos/etcd  src/etcd  aaaaaaaaaaaa  aaaaaaaaaaaa  follows -, was refs")


def test_a_long_table_is_cut_to_what_fits_a_comment() -> None:
    old = [project(f"name-{number}-{'x' * 100}", f"{number}") for number in range(900)]
    new = [replace(each, revision=NEW) for each in old]
    text = as_markdown(compared(old, [*new, *(replace(each, path=f"more/{each.path}") for each in old)]), pages, 20_000)
    assert len(text) <= LIMIT - 20_000
    assert "| and 840 more | | | |" in text
    assert "- and 840 more" in text


def test_a_terminal_gets_printable_ascii_only_and_no_word_that_is_too_wide() -> None:
    assert plain("a\x1b[2J\u202eb\n\\é") == "a\\x1b[2J\\u202eb\\n\\\\\\xe9"
    assert len(plain("x" * 500)) == len(plain("\u202e" * 500)) == WIDEST
    assert plain("x" * WIDEST) == "x" * WIDEST


PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
traps = st.text(max_size=20) | st.sampled_from(["`", "``", "](http://evil)", "@octocat", "<b>", "\x1b[2J", "a|b", "\n"])


@given(traps, traps, traps | st.just(NEW), traps)
def test_foreign_words_do_no_harm_in_either_text(name: str, path: str, revision: str, upstream: str) -> None:
    was = project(name, "old", OLD, upstream=upstream)
    found = compared([was], [replace(was, revision=revision), project(name, path + "new", revision)])
    lines = as_text(found).split("\n")
    assert len(lines) == len(found.changed) + len(found.added) + 2
    assert all(line.isascii() and (line.isprintable() or not line) for line in lines)
    markdown = as_markdown(found, pages)
    inline = [child for token in PARSER.parse(markdown) for child in token.children or ()]
    assert not [child for child in inline if child.type == "image"]
    links = [str(child.attrs["href"]) for child in inline if child.type == "link_open"]
    assert all(href.startswith("https://github.com/") for href in links)
    assert not [child.content for child in inline if child.type == "html_inline" and child.content != "<br>"]
    assert not [child for child in inline if child.type == "text" and "@" in child.content]
