"""The pull request of a release off the main branch: both layouts whole, and repositories of a thousand projects."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest

from bot.core.command import Override
from bot.core.config import ManifestFiles
from bot.core.plan import Plan
from bot.core.record import Choices, Sealed, seal, unseal
from bot.core.snapshot import Past, Snapshot
from bot.core.text import pull
from bot.core.tree import FILE, LINK, Entry
from bot.core.version import Version
from tests.core import world
from tests.core.world import NEW, PINS, TIPS, made, new, on_main, request, snapshot, tracking_line, tracking_main

KEY = b"k" * 32


def body(whole: Plan, room: int = 0) -> str:
    return pull.body(whole, room)


def rows(whole: Plan) -> list[str]:
    return body(whole).split("\n")


def link(name: str, old: str, new_: str) -> str:
    return f"https://github.com/{name}/compare/{old}...{new_}"


PROJECTS = "\n".join(
    f"| `{name}` | `{PINS[name][:7]}` | [`{TIPS[name][:7]}`]({link(name, PINS[name], TIPS[name])}) "
    "| `refs/heads/master` | 1 |"
    for name in PINS
)
REFS = """| ref | now | after | how |
|---|---|---|---|
| `master` | `aaaaaaa` | merge commit | this merge |
| `build-116` | – | {line} | create |
| `v116.0.0` | – | new tag | create |
| `dev-channel` | `bababab` (115.0.0) | merge commit | newer version: moves |
"""
WHOLE = """### Release 116.0.0 (line build-116, off `master`)
Asked for by @octocat in #40 with `/release new`. \
Machines built from it follow **alpha** (default of this repository).

| | now | after merge |
|---|---|---|
| Version | 115.0.0 | **116.0.0** |
| SDK | 110.0.0 | 115.0.0 (the version before) |
| default.xml | → master.xml | unchanged |
{links}| old manifests | build-109.xml | removed |

**Merging this PR will**
1. tag the merge commit `v116.0.0` (annotated) and push it together with `build-116`, all or nothing

{refs}
2. then move `dev-channel` as shown
3. start **image-build.yml** in coreos/scripts: image prod, group alpha, official, formats qemu, vmware

**Projects: 12 of 12 change** (heads read 2013-10-25 12:01 UTC)

| project | from | to | upstream | commits |
|---|---|---|---|---|
{projects}

"""


def test_the_pull_request_of_a_new_release_whole() -> None:
    told = body(made(on_main(), new()))
    links = "| release.xml | → build-115.xml | → **build-116.xml** |\n"
    expected = WHOLE.format(links=links, refs=REFS.format(line="merge commit"), projects=PROJECTS)
    assert told[: len(expected)] == expected
    assert told[len(expected) :].startswith("<details><summary>Change or cancel</summary>")


def test_the_pull_request_of_a_new_release_in_layout_tracking_whole() -> None:
    told = body(made(tracking_main(), new()))
    expected = WHOLE.format(links="", refs=REFS.format(line="“branch projects” commit"), projects=PROJECTS)
    second = (
        "<details><summary>Second commit “branch projects” on build-116: "
        "3 projects follow the branch from then on</summary>\n\n"
        "- `coreos/coreos-overlay`: `refs/heads/build-116` at `4242424`\n"
        "- `coreos/portage-stable`: `refs/heads/build-116` at `4848484`\n"
        "- `coreos/scripts`: `refs/heads/build-116` at `4949494`\n"
    )
    assert told[: len(expected)] == expected
    assert told[len(expected) :].startswith(second)
    assert f"    git push https://github.com/coreos/scripts {TIPS['coreos/scripts']}:refs/heads/build-116\n" in told


EVIL = "https://e.example/a b;touch x'$(y)`z`"


def test_an_address_in_a_push_that_people_are_to_copy_is_one_quoted_word() -> None:
    whole = made(tracking_main(), new())
    line = whole.record.line
    assert line is not None
    first, *others = line.projects
    line = replace(line, projects=(replace(first, url=EVIL), *others))
    pushes = [row for row in rows(replace(whole, record=replace(whole.record, line=line))) if "git push" in row]
    assert len(pushes) == 3
    assert all(row.startswith("    git push ") for row in pushes)
    assert shlex.split(pushes[0]) == ["git", "push", EVIL, f"{first.commit}:refs/heads/build-116"]


def test_a_release_from_a_tracking_branch_shows_what_moved_and_no_second_commit() -> None:
    told = rows(made(tracking_line(), request(kind="branch")))
    assert "| SDK | 110.0.0 | 115.0.0 (the version before) |" in told
    assert "**Projects: 2 of 12 change** (heads read 2013-10-25 12:01 UTC)" in told
    assert not [row for row in told if "branch projects" in row]


def files(**changes: Any) -> dict[str, Entry | None]:
    return {name.replace("_xml", ".xml").replace("_", "-"): entry for name, entry in changes.items()}


UNKNOWN = "How the new pin relates to the old one is not known"
OLD = PINS["coreos/etcd"][:7]


def at_main(changes: dict[str, Entry | None], **more: Any) -> Snapshot:
    return on_main(tree=world.main_tree().with_changes(changes), **more)


@pytest.mark.parametrize(
    ("whole", "row"),
    [
        (made(on_main(), new(sdk="keep")), "| SDK | 110.0.0 | 110.0.0 (kept) |"),
        (made(on_main(), new(sdk="109.0.0")), "| SDK | 110.0.0 | 109.0.0 (as asked) |"),
        (
            made(at_main(files(release_xml=None)), new()),
            "| release.xml | – | → **build-116.xml** |",
        ),
        (
            made(on_main(past=Past(group="beta"), refs={**snapshot().refs, "refs/heads/build-116": "16" * 20}), new()),
            "| `build-116` | `1616161` | merge commit | fast-forward |",
        ),
        (
            made(on_main(), new(build=115)),
            "> BUILD 115 was released before (115.0.0), so BRANCH goes up.",
        ),
        (
            made(on_main(past=Past(sdk_said="5d" * 20)), new(sdk="111.0.0")),
            "> The SDK version `111.0.0` has no release tag; only `5d5d5d5` says it.",
        ),
        (
            made(on_main(), new(choices=Choices(build=False, channel="keep"))),
            "3. start no image build (not wanted for this release)",
        ),
        (
            made(on_main(), new(choices=Choices(build=False, channel="keep"))),
            "| `dev-channel` | `bababab` (115.0.0) | unchanged | moved by hand only |",
        ),
        (
            made(on_main(refs={**snapshot().refs, world.CHANNEL: "ce" * 20}), new()),
            "| `dev-channel` | `cececec` | unchanged | its version cannot be read: stays |",
        ),
        (
            made(on_main(), new(), None),
            f"> {UNKNOWN} for `{', '.join(PINS)}`; it may go back.",
        ),
        (
            made(on_main(), new(Override("etcd", NEW), projects="none"), None),
            f"> {UNKNOWN} for `coreos/etcd`; it may go back.",
        ),
        (
            made(on_main(), new(renames={"etcd": "etcd-io/etcd"}, projects="none")),
            f"| `coreos/etcd` → **`etcd-io/etcd`** | `{OLD}` | `{OLD}` | `refs/heads/master` | 0 |",
        ),
        (
            made(on_main(), new(renames={"etcd": "etcd-io/etcd"}, projects="none")),
            "> - address `src/third_party/etcd`: `../coreos/etcd` → `../etcd-io/etcd`",
        ),
    ],
)
def test_what_is_unusual_about_a_new_release_has_its_row(whole: Plan, row: str) -> None:
    assert row in rows(whole)


def test_a_repositorys_first_release_says_that_everything_is_new() -> None:
    first = at_main(files(release_xml=None, build_115_xml=None, build_109_xml=None))
    told = rows(made(first, new()))
    assert "**Projects: 12 of 12 change** (heads read 2013-10-25 12:01 UTC)" in told
    assert f"| `coreos/etcd` | – | `{TIPS['coreos/etcd'][:7]}` | new | – |" in told
    assert "| old manifests | build-109.xml | removed |" not in told


def test_a_copied_file_that_is_new_is_shown_as_sensitive_and_one_of_before_is_not() -> None:
    first = body(made(at_main(files(release_xml=None, build_115_xml=None)), new()))
    assert "> **Sensitive: where code comes from or what runs**\n> - copyfile `AUTHORS`: new → " in first
    assert "Sensitive" not in body(made(on_main(), new()))


# A thousand projects and more


def many(number: int, **config: Any) -> Snapshot:
    """A main branch with so many projects of long names that none of them was released before."""
    named = (f"organisation-{n % 7}/a-project-of-many-{n:05}" for n in range(number))
    entries = "".join(f'  <project name="{name}" path="src/third_party/{name}"/>\n' for name in named)
    head = '<manifest>\n  <include name="_remotes.xml"/>\n  <default remote="github" revision="refs/heads/master"/>\n'
    main = Entry(FILE, f"{head}{entries}</manifest>\n".encode())
    return at_main(
        files(master_xml=main, release_xml=None, build_115_xml=None, build_109_xml=None),
        config=replace(world.CONFIG, manifest=ManifestFiles(**config)),
    )


def sealed(whole: Plan) -> str:
    return seal(Sealed(whole.record, world.HEAD, 42), KEY)


@pytest.mark.parametrize("number", [1, 60, 61, 400, 1500])
@pytest.mark.parametrize("layout", ["link", "tracking"])
def test_a_first_release_of_any_size_fits_with_its_sealed_record(number: int, layout: str) -> None:
    branched = tuple(f"a-project-of-many-{n:05}" for n in range(0, min(number, 9), 3))
    whole = made(many(number, layout=layout, branch_projects=branched), new())
    record = sealed(whole)
    told = body(whole, len(record))
    assert len(told) + len(record) <= pull.LIMIT == 60_000
    assert unseal(told + record, KEY) == Sealed(whole.record, world.HEAD, 42)
    assert f"**Projects: {number} of {number} change{'s' if number == 1 else ''}**" in told
    for words in ("### Release 116.0.0", "**Merging this PR will**", "| `build-116` | – |", "Change or cancel"):
        assert words in told
    assert ("Second commit" in told) is (layout == "tracking")


def test_a_hundred_branched_projects_fit_too() -> None:
    names = tuple(f"a-project-of-many-{n:05}" for n in range(100))
    whole = made(many(1000, layout="tracking", branch_projects=names), new())
    record = sealed(whole)
    told = body(whole, len(record))
    assert len(told) + len(record) <= pull.LIMIT
    assert unseal(told + record, KEY) == Sealed(whole.record, world.HEAD, 42)


def test_a_second_release_of_a_large_repository_fits_when_all_of_it_moves() -> None:
    at = many(1500)
    first = made(at, new())
    later = replace(at, tree=at.tree.with_changes(first.changes), refs={**at.refs, "refs/tags/v116.0.0": "16" * 20})
    assert later.tree.link("release.xml") == "build-116.xml"
    again = made(later, new(Override("a-project-of-many-00003", "e1" * 20), flags=world.EMPTY))
    assert again.version == Version(116, 1, 0)
    told = body(again)
    assert len(told) <= pull.LIMIT
    assert "**Projects: 1 of 1500 changes**" in told
    assert later.tree.entries["release.xml"].mode == LINK
