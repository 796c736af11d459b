"""What is found at a published release: an honest one is fine throughout, and each rule sees what it is there for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.core.config import Channel, Config, ManifestFiles, Tag as TagConfig
from bot.core.fetch_policy import FetchPolicy
from bot.core.objects import Identity, read_tag, tag_payload
from bot.core.published import Recorded
from bot.core.record import Record
from bot.core.signature import UNSIGNED, TrustedKey, Verdict
from bot.core.text.pull import tag_message
from bot.core.text.verify import as_markdown, as_text
from bot.core.tree import FILE, LINK, Entry, Tree, object_id
from bot.core.verify import RULES, Finding, Published, ok, verify
from bot.core.version import EPOCH, Version
from sandbox import seed_files

COMMIT, TIP, OLD = "c0" * 20, "71" * 20, "01" * 20
WHEN = datetime.combine(EPOCH, time(), UTC)
PINS = {name: f"{number:02x}" * 20 for number, name in enumerate(seed_files.PATHS, start=16)}
PINNED = seed_files.release_manifest(PINS, 115)
TRACKING = PINNED.replace(
    f'revision="{PINS["coreos/coreos-overlay"]}" upstream="refs/heads/build-115"'.encode(),
    b'revision="refs/heads/build-115"',
)
ONE_LESS = b"".join(line for line in PINNED.splitlines(keepends=True) if b"coreos/etcd" not in line)
CHANNEL = "refs/heads/dev-channel"


def tag(name: str = "v115.0.1", message: str = "CoreOS v115.0.1", target: str = COMMIT) -> Any:
    payload = tag_payload(target, name, Identity("Bot", "bot@example"), WHEN, message)
    return read_tag(object_id("tag", payload), payload)


def version_file(patch: int = 1, sdk: str | None = "110.0.0") -> Entry:
    text = f"COREOS_BUILD=115\nCOREOS_BRANCH=0\nCOREOS_PATCH={patch}\n"
    return Entry(FILE, (text + (f"COREOS_SDK_VERSION={sdk}\n" if sdk else "")).encode())


FILES: Mapping[str, Entry] = {
    **{path: Entry(mode, data) for path, (mode, data) in seed_files.main_manifest().items()},
    "build-109.xml": Entry(FILE, PINNED),
    "build-115.xml": Entry(FILE, PINNED),
    "default.xml": Entry(LINK, b"master.xml"),
    "release.xml": Entry(LINK, b"build-115.xml"),
    "version.txt": version_file(),
}
REFS = {
    "refs/heads/build-115": TIP,
    "refs/heads/master": TIP,
    CHANNEL: COMMIT,
    "refs/tags/v110.0.0": OLD,
    "refs/tags/v115.0.1": tag().object,
    "refs/tags/v115.0.1^{}": COMMIT,
}


def release(files: Mapping[str, Entry | None] | None = None, **changes: Any) -> Published:
    """v115.0.1 as the bot would have published it, with files set or (None) removed, and facts changed."""
    whole = Published(
        version=Version(115, 0, 1),
        config=Config(),
        url="https://github.com/coreos/manifest",
        refs=REFS,
        tag=tag(),
        commit=COMMIT,
        tree=Tree(FILES).with_changes(files or {}),
        parent_tree=BEFORE,
        on_branches=frozenset({"refs/heads/build-115"}),
        branch_version=Version(115, 0, 1),
        channel_versions={CHANNEL: Version(115, 0, 1)},
        policy=FetchPolicy(),
    )
    return replace(whole, **changes)


def unusual(published: Published) -> list[tuple[str, str]]:
    return [(finding.what, finding.severity) for finding in verify(published) if finding.severity != "fine"]


def sentence(published: Published, what: str) -> str:
    return next(finding.sentence for finding in verify(published) if finding.what == what)


def xml(data: bytes) -> Entry:
    return Entry(FILE, data)


def link(target: str) -> Entry:
    return Entry(LINK, target.encode())


def layout(kind: Any) -> Config:
    return Config(manifest=ManifestFiles(layout=kind))


def without(*refs: str) -> Mapping[str, str]:
    return {ref: at for ref, at in REFS.items() if ref not in refs}


def as_tag(made: Any) -> dict[str, Any]:
    """Another tag object, and the ref that leads to it."""
    return {"tag": made, "refs": {**REFS, "refs/tags/v115.0.1": made.object}}


BEFORE = Tree(FILES).with_changes({"version.txt": version_file(0), "build-115.xml": Entry(FILE, b"old")})


def recorded(sdk: str = "110.0.0", **inputs: str) -> dict[str, Any]:
    """A tag with the record of an honest release, but for what is named."""
    blobs = {path: entry.blob for path in BEFORE if (entry := BEFORE.get(path))} | inputs
    rows = " ".join(f"{path}={blob}" for path, blob in blobs.items())
    facts = f"Plan: sha256:{'0' * 64}\nGroup: alpha\nOfficial: 1\nSDK: {sdk}\nInputs: {rows}\n"
    return as_tag(tag(message=f"CoreOS v115.0.1\n\nRequested-by: brandon\n{facts}"))


LIGHT: dict[str, Any] = {"tag": None, "refs": {**without("refs/tags/v115.0.1^{}"), "refs/tags/v115.0.1": COMMIT}}
OLDEST = {"release.xml": None, "default.xml": link("build-115.xml")}
TRACKED = {"release.xml": xml(PINNED), "build-115.xml": xml(TRACKING), "default.xml": link("build-115.xml")}


def test_an_honest_release_is_fine_by_every_rule_in_the_order_of_the_table() -> None:
    found = verify(release())
    assert [finding.what for finding in found] == [what for what, _ in RULES]
    assert {finding.severity for finding in found} == {"fine"}
    assert ok(found)


@pytest.mark.parametrize(
    "published",
    [
        release(**recorded()),
        release(**recorded(), parent_tree=None),
        release(**as_tag(tag(message="CoreOS v115.0.1\n\nSDK: of last week\nInputs: many\n"))),
        release(TRACKED),
        release(TRACKED, config=layout("tracking")),
        release(config=layout("link")),
        release({"release.xml": xml(PINNED)}),
        release({"build-109.xml": None}),
        release({"default.xml": xml(PINNED)}),
        release({"version.txt": version_file(sdk=None)}),
        release(branch_version=Version(115, 1, 0)),
        release(parent_tree=None),
        release(channel_versions={CHANNEL: Version(116, 0, 0)}, refs={**REFS, CHANNEL: TIP}),
        release(channel_versions={CHANNEL: None}, refs={**REFS, CHANNEL: TIP}),
        release(refs=without(CHANNEL)),
        release(config=Config(channels={}), refs={**REFS, CHANNEL: TIP}),
        release({"docs/a": xml(b""), "text": link("docs")}, parent_tree=None),
    ],
)
def test_layouts_and_habits_that_are_in_order_are_fine(published: Published) -> None:
    assert unusual(published) == []


@pytest.mark.parametrize(
    ("published", "what", "severity"),
    [
        (release(**LIGHT), "tag", "warning"),
        (release(commit=TIP, refs={**REFS, CHANNEL: TIP}), "tag", "wrong"),
        (release(tag=None), "tag", "wrong"),
        (release(tag=tag(message="CoreOS v115.0.1\n\nmore")), "tag", "wrong"),
        (release(**as_tag(tag(target=TIP))), "tag", "wrong"),
        (release(**as_tag(replace(tag(), type="tag"))), "tag", "wrong"),
        (release(**as_tag(tag(name="v115.0.0"))), "tag name", "wrong"),
        (release(**as_tag(tag(message="v115.0.1"))), "tag subject", "warning"),
        (release(**as_tag(tag(message="coreos 115.0.1"))), "tag subject", "warning"),
        (release(**as_tag(tag(message="CoreOS v115.0.0"))), "tag subject", "wrong"),
        (release(**as_tag(tag(message="coreos"))), "tag subject", "wrong"),
        (release(config=Config(tag=TagConfig("Image {tag}"))), "tag subject", "warning"),
        (release({"version.txt": version_file(2)}), "version file", "wrong"),
        (release({"version.txt": version_file(sdk="115.0.1")}), "SDK", "warning"),
        (release({"version.txt": version_file(sdk="111.0.0")}), "SDK", "warning"),
        (release({"version.txt": version_file(sdk="110.0.0+2013-10-24-1130")}), "SDK", "warning"),
        (release({"version.txt": version_file(sdk="0001.1.0")}), "SDK", "warning"),
        (release(OLDEST, parent_tree=BEFORE.with_changes({"release.xml": None})), "release file", "warning"),
        (release(OLDEST, parent_tree=None), "release file", "warning"),
        (release(OLDEST), "release file", "wrong"),
        (release({"release.xml": link("build-109.xml")}), "release file", "wrong"),
        (release({"release.xml": None}), "release file", "wrong"),
        (release(config=layout("tracking")), "release file", "warning"),
        (release(TRACKED, config=layout("link")), "release file", "warning"),
        (release({"release.xml": xml(PINNED.replace(b"10" * 20, b"ff" * 20))}), "release file", "wrong"),
        (release({"release.xml": xml(PINNED.replace(b'"coreos/etcd"', b'"evil/etcd"'))}), "release file", "wrong"),
        (release({"release.xml": xml(PINNED.replace(b"/etcd", b"/etcd2"))}), "release file", "wrong"),
        (release({**TRACKED, "build-115.xml": xml(TRACKING.replace(b"build-115", b"x"))}), "release file", "wrong"),
        (release({**TRACKED, "build-115.xml": xml(b"<manifest/>")}), "release file", "wrong"),
        (release({"release.xml": xml(ONE_LESS)}), "release file", "wrong"),
        (release({"build-115.xml": xml(PINNED.replace(b'fetch=".."', b'fetch="http://x"'))}), "manifest", "wrong"),
        (
            release({"build-115.xml": xml(PINNED.replace(b'fetch=".."', b'fetch="https://old.example"'))}),
            "manifest",
            "warning",
        ),
        (release({"build-115.xml": xml(b"<manifest/>")}), "manifest", "wrong"),
        (release({"build-115.xml": xml(PINNED.replace(b"10" * 20, b"refs/heads/dev"))}), "pins", "wrong"),
        (release({"build-115.xml": xml(PINNED.replace(b"10" * 20, b"main"))}), "pins", "wrong"),
        (release({"build-115.xml": xml(PINNED.replace(b"10" * 20, b"refs/tags/v1"))}), "pins", "warning"),
        (release({"other.xml": link("gone.xml")}, parent_tree=None), "links", "wrong"),
        (release({"other.xml": link("../master.xml")}, parent_tree=None), "links", "wrong"),
        (release({"other.xml": link("/etc/passwd")}, parent_tree=None), "links", "wrong"),
        (release({"other.xml": link("default.xml")}, parent_tree=None), "links", "wrong"),
        (release({"default.xml": None}), "default file", "wrong"),
        (release({"default.xml": xml(b"hi")}), "default file", "wrong"),
        (release({"default.xml": link("docs"), "docs": xml(b"hi")}, parent_tree=None), "default file", "wrong"),
        (release(on_branches=frozenset({"refs/heads/master"})), "release branch", "wrong"),
        (release(on_branches=frozenset()), "release branch", "wrong"),
        (release(branch_version=Version(115, 0, 0)), "branch version", "warning"),
        (release(branch_version=Version(116, 0, 0)), "branch version", "warning"),
        (release(branch_version=None), "branch version", "warning"),
        (release(refs={**REFS, CHANNEL: TIP}), "channels", "wrong"),
        (release({"build-1.xml": xml(b"")}, parent_tree=None), "old manifests", "warning"),
        (release(parent_tree=Tree(FILES)), "changes", "warning"),
        (release({"os-release": xml(b"")}), "changes", "warning"),
        (release(**recorded(sdk="109.0.0")), "record", "wrong"),
        (release({"version.txt": version_file(sdk=None)}, **recorded()), "record", "wrong"),
        (release(**recorded(**{"version.txt": "ff" * 20})), "record", "wrong"),
        (release(**recorded(**{"gone.xml": "ff" * 20})), "record", "wrong"),
    ],
)
def test_each_rule_sees_what_it_is_there_for_and_no_other_does(published: Published, what: str, severity: str) -> None:
    assert unusual(published) == [(what, severity)]


KEY = TrustedKey("ssh", "bot@x", b"key")
LATER = replace(KEY, after=WHEN + timedelta(seconds=1))
SIGNATURE = "-----BEGIN SSH SIGNATURE-----\n"


def judged(state: Any, *trusted: TrustedKey) -> dict[str, Any]:
    """A tag with a signature, what was thought of it, and by which keys."""
    sentence = f"It is {state}."
    made = tag(message=f"CoreOS v115.0.1\n{SIGNATURE}")
    return {**as_tag(made), "trusted": trusted or (KEY,), "signature": Verdict("ssh", state, "bot@x", sentence)}


@pytest.mark.parametrize(
    ("state", "severity"),
    [("bad", "wrong"), ("unknown key", "wrong"), ("expired", "wrong"), ("not checked", "warning")],
)
def test_a_signature_that_no_trusted_key_made_at_its_time_is_found(state: Any, severity: str) -> None:
    published = release(**judged(state))
    assert unusual(published) == [("signature", severity)]
    assert sentence(published, "signature") == f"It is {state}."


def test_a_good_signature_is_fine() -> None:
    assert unusual(release(**judged("good"))) == []


@pytest.mark.parametrize(
    ("keys", "severity"), [((KEY,), "wrong"), ((LATER, KEY), "wrong"), ((LATER,), "warning")], ids=len
)
def test_a_signature_that_was_taken_off_is_found(keys: tuple[TrustedKey, ...], severity: str) -> None:
    assert unusual(release(trusted=keys, signature=UNSIGNED)) == [("signature", severity)]
    assert unusual(release(trusted=keys, **LIGHT)) == [("tag", "warning"), ("signature", severity)]


def test_without_trusted_keys_a_signature_is_said_to_be_there_and_not_checked() -> None:
    published = release(**{**judged("good"), "trusted": (), "signature": None})
    assert unusual(published) == [("signature", "warning")]
    words = "The tag is signed with an SSH key, not checked: no trusted keys given."
    assert sentence(published, "signature") == words
    assert sentence(release(), "signature") == "The tag is not signed."


def test_without_the_tag_nothing_else_is_looked_at() -> None:
    found = verify(release(refs=without("refs/tags/v115.0.1")))
    assert [finding.what for finding in found] == [what for what, _ in RULES]
    assert found[0] == Finding("wrong", "tag", "There is no tag `v115.0.1`: 115.0.1 is not released.")
    assert {finding.severity for finding in found[1:]} == {"warning"}
    assert not ok(found)


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (release({"version.txt": None}), [("version file", "wrong"), ("SDK", "warning")]),
        (release({"version.txt": link("master.xml")}), [("version file", "wrong"), ("SDK", "warning")]),
        (release({"build-115.xml": xml(b"")}), [("manifest", "wrong"), ("pins", "warning")]),
        (
            release({"release.xml": link("master.xml")}),
            [("release file", "wrong"), ("pins", "wrong")],
        ),
        (
            release({"build-115.xml": None}, parent_tree=None),
            [(what, "wrong") for what in ("release file", "manifest")] + [("pins", "warning"), ("links", "wrong")],
        ),
        (release(refs=without("refs/heads/build-115")), [("release branch", "wrong"), ("branch version", "warning")]),
        (
            release({**TRACKED, "build-115.xml": xml(b"")}),
            [("release file", "wrong"), ("default file", "wrong")],
        ),
        (
            release({"version.txt": None}, **recorded()),
            [("version file", "wrong"), ("SDK", "warning"), ("record", "warning")],
        ),
        (
            release({"release.xml": xml(b"")}),
            [("release file", "wrong"), ("manifest", "wrong"), ("pins", "warning")],
        ),
    ],
)
def test_what_hangs_on_something_missing_is_said_not_to_be_looked_at(
    published: Published, expected: list[tuple[str, str]]
) -> None:
    assert unusual(published) == expected


def test_of_several_the_first_is_named_and_the_rest_counted() -> None:
    loose = PINNED.replace(b"10" * 20, b"main").replace(b"11" * 20, b"refs/tags/v1").replace(b"12" * 20, b"dev")
    published = release({"build-115.xml": xml(loose), "a": link("x"), "b": link("y")})
    assert sentence(published, "pins") == ("`coreos/baselayout` is at the branch `main`, not at a commit (and 2 more).")
    assert sentence(published, "links") == "`a` leads to `x`, which is no file here (and 1 more)."
    assert sentence(published, "changes") == "The tagged commit also changed `a` (and 1 more)."


def test_a_commit_that_left_its_branch_is_told_from_one_that_only_the_tag_holds() -> None:
    lost = release(on_branches=frozenset())
    assert sentence(lost, "release branch").endswith("only the tag holds it.")
    assert sentence(release(on_branches=frozenset({"refs/heads/master"})), "release branch").endswith(
        "another branch does."
    )


def test_the_record_that_publishing_writes_is_the_one_that_is_read() -> None:
    paths = {"version.txt": "10" * 20, "a file.xml": "11" * 20, "x=y.xml": "12" * 20, "none.xml": None}
    made = Record(
        repository=1,
        version="115.0.1",
        previous="115.0.0",
        tag="v115.0.1",
        subject="CoreOS v115.0.1",
        base="build-115",
        base_commit=OLD,
        sdk="110.0.0",
        group="alpha",
        files={},
        inputs=paths,
        channels=(),
        build=None,
        config="sha256:00",
        requested_by="brandon",
        request="sha256:00",
        issue=1,
        comment=1,
        asked_at=WHEN.isoformat(),
    )
    read = release(tag=tag(message=tag_message(made, 7, "octocat", ()))).recorded
    assert read == Recorded("110.0.0", {path: blob for path, blob in paths.items() if blob})


def test_other_names_are_looked_for_where_the_configuration_has_others() -> None:
    names = ManifestFiles(line_branch="flatcar-{build}", line_file="line-{build}.xml", tag="r{version}")
    config = Config(manifest=names, channels={"stable": Channel()}, tag=TagConfig("{tag}"))
    made = tag("r115.0.1", "r115.0.1")
    published = release(
        {"line-115.xml": xml(PINNED), "release.xml": link("line-115.xml"), "build-115.xml": None},
        config=config,
        tag=made,
        refs={
            "refs/heads/flatcar-115": COMMIT,
            "refs/heads/stable": COMMIT,
            "refs/tags/r110.0.0": OLD,
            "refs/tags/r115.0.1": made.object,
            "refs/tags/r115.0.1^{}": COMMIT,
        },
        on_branches=frozenset({"refs/heads/flatcar-115"}),
        channel_versions={"refs/heads/stable": Version(115, 0, 1)},
        parent_tree=None,
    )
    assert unusual(published) == []
    assert sentence(published, "channels") == "`stable` at this version and commit."


TRAPS = ["`", "](http://evil)", "@octocat", "<b>", "\x1b[2J", "\u202eabc", "a|b"]
hostile = st.text(min_size=1) | st.sampled_from(TRAPS)


@given(hostile)
def test_foreign_words_in_a_sentence_are_plain_and_inside_code_spans(text: str) -> None:
    word = text.replace("\0", "")
    data = word.encode("utf-8", "replace")
    published = release(
        {
            "version.txt": xml(data),
            "build-115.xml": xml(PINNED.replace(b"10" * 20, b"x y").replace(b"refs/heads/master", b"&#96;@octocat")),
            "other": Entry(LINK, data),
        },
        tag=replace(tag(), tag=word, message=word, type=word),
        branch_version=None,
    )
    for finding in verify(published):
        assert finding.sentence.isascii()
        assert finding.sentence.isprintable()
        outside = "".join(finding.sentence.split("`")[::2])
        assert finding.sentence.count("`") % 2 == 0
        assert not set("@[]<|") & set(outside.replace("<submanifest>", ""))


SOME = (
    Finding("fine", "tag", "It is annotated."),
    Finding("warning", "SDK", "The SDK `1` is odd."),
    Finding("wrong", "pins", "`a` is at a branch."),
)


def test_the_terminal_shows_columns_and_what_it_comes_to() -> None:
    assert as_text(SOME) == (
        "fine     tag   It is annotated.\n"
        "warning  SDK   The SDK `1` is odd.\n"
        "WRONG    pins  `a` is at a branch.\n"
        "The release is not consistent: 1 wrong, 1 warning, 1 fine.\n"
    )
    assert as_text(SOME[:2]).endswith("The release is consistent: 0 wrong, 1 warning, 1 fine.\n")


def test_a_comment_shows_what_is_unusual_and_folds_what_is_fine() -> None:
    assert as_markdown(SOME) == (
        "**The release is not consistent: 1 wrong, 1 warning, 1 fine.**\n\n"
        "- **warning** SDK: The SDK `1` is odd.\n"
        "- **WRONG** pins: `a` is at a branch.\n\n"
        "<details><summary>1 fine</summary>\n\n- tag: It is annotated.\n\n</details>"
    )
    assert "<details>" not in as_markdown(SOME[1:])
