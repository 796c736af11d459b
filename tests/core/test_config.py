"""The configuration file: defaults without one, and every mistake named with its place before it does harm."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from bot.core.config import BadConfig, Build, Channel, Config, Line, read
from bot.core.version import Version

FULL = b"""\
version: 1
manifest:
  main_branch: flatcar-master    # the main branch
  main_file: main.xml
  version_file: version.txt
  layout: tracking
  line_branch: "flatcar-{build}"
  line_file: "build-{build}.xml"
  tag: "release-{version}"
  old_manifests: remove-oldest
  default_link: keep
  branch_projects: [coreos/etcd, src/scripts]
  epoch: 2014-07-01
sdk: {default: keep, allow_build_id: true}
channels:
  dev-channel: {mode: always, releases: all}
  beta/next: {mode: ff, releases: [flatcar-115, flatcar-116]}
  edge: {}
tag: {subject: "Flatcar {tag}"}
build:
  trigger: push
  repository: acme/scripts
  workflow: image.yaml
  test_workflow: test.yml
  ref: main
  image: dev
  group: beta
  formats: [qemu, vmware]
  timeout: 90m
lines: {1745: {group: stable, formats: [qemu]}, "2000": {}}
permissions:
  releaser: {role: maintain, teams: [release-team], users: [octocat]}
  admin: {role: admin, users: ["1234"]}
  merger_must_be: anyone
  second_person: true
commands: {allow_bots: ["renovate[bot]"], plan_for: everyone}
notes: {github_release: draft}
"""


def test_no_file_and_an_empty_file_mean_the_defaults() -> None:
    assert read(None) == read(b"") == read(b"# nothing yet\n") == Config()
    assert read(None).channels == {"dev-channel": Channel("newer", "all")}


def test_every_key_of_the_file_is_read() -> None:
    config = read(FULL)
    assert config.manifest.epoch == date(2014, 7, 1)
    assert config.manifest.branch_projects == ("coreos/etcd", "src/scripts")
    assert config.channels["beta/next"] == Channel("ff", ("flatcar-115", "flatcar-116"))
    assert config.build == Build(
        "push",
        "acme/scripts",
        "image.yaml",
        "test.yml",
        "main",
        "dev",
        "beta",
        ("qemu", "vmware"),
        timedelta(minutes=90),
    )
    assert config.lines == {1745: Line("stable", ("qemu",)), 2000: Line()}
    assert config.permissions.admin.users == ("1234",)
    assert config.permissions.releaser.role == "maintain"
    assert config.permissions.second_person
    assert config.commands.allow_bots == ("renovate[bot]",)
    assert config.notes.github_release == "draft"


def test_names_are_made_from_the_patterns() -> None:
    config = read(FULL)
    assert config.line_branch(115) == "flatcar-115"
    assert config.line_file(115) == "build-115.xml"
    assert config.tag_name(Version.parse("115.0.1")) == "release-115.0.1"
    assert config.is_release_base("flatcar-master")
    assert config.is_release_base("flatcar-115")
    assert not config.is_release_base("build-115")


@pytest.mark.parametrize(
    ("branch", "build"),
    [("build-115", 115), ("build-0115", None), ("build-1234567", None), ("build-115\n", None), ("xbuild-115", None)],
)
def test_only_a_whole_name_without_leading_zeros_is_a_release_branch(branch: str, build: int | None) -> None:
    assert Config().build_number_of(branch) == build


def test_the_word_none_switches_image_builds_off() -> None:
    assert read(b"build: none").build.trigger == "none"


def test_two_admin_keys_left_out_keep_their_own_default_role() -> None:
    permissions = read(b"permissions: {admin: {users: [octocat]}, releaser: {users: [octocat]}}").permissions
    assert (permissions.admin.role, permissions.releaser.role) == ("maintain", "write")


def test_equal_configurations_have_equal_digests_however_they_are_written() -> None:
    assert read(b"tag: {subject: 'CoreOS {tag}'}").digest() == Config().digest()
    assert read(b"build: {group: beta}").digest() != Config().digest()


BAD = {
    "a truth value for a text": ("build: {group: no}", "in quotes"),
    "a truth value for a mode": ("channels:\n  dev: {mode: no}", "must be one of"),
    "yes for true": ("permissions: {second_person: yes}", "Did you mean `true`?"),
    "an octal number": ("version: 01", "octal"),
    "an octal line": ("lines: {0115: {}}", "leading zeros"),
    "a sexagesimal number": ("version: 1:0", "whole number"),
    "a quoted number": ("version: '1'", "without quotes"),
    "another version": ("version: 2", "must be 1"),
    "the same key twice": ("tag: {}\ntag: {}", "twice"),
    "the same key twice inside": ("channels: {dev: {}, dev: {}}", "twice"),
    "the same line twice": ("lines: {115: {}, '115': {}}", "twice"),
    "an object": ("tag: !!python/object/apply:os.system [id]", "Tags"),
    "bytes": ("build: {group: !!binary aGk=}", "Tags"),
    "a local tag": ("build: {group: !x y}", "Tags"),
    "an anchor": ("tag: &a {subject: x}", "Anchors"),
    "an unknown alias": ("<<: *x", "Aliases"),
    "a merge": ("<<: {version: 1}", "no key"),
    "two documents": ("version: 1\n---\nversion: 1", "not YAML"),
    "a list for a file": ("- a", "must be a map"),
    "a key that is a list": ("? [a]\n: b", "plain word"),
    "a tab": ("manifest:\n\tlayout: link", "not YAML"),
    "nothing for a section": ("tag:", "must be a map"),
    "nothing for the build": ("build: ~", "the word `none`"),
    "a wildcard for people": ("permissions: {admin: {users: ['*']}}", "login"),
    "a text for people": ("permissions: {admin: {users: evil}}", "must be a list"),
    "a number for a person": ("permissions: {admin: {users: [1234]}}", "in quotes"),
    "a mention for a person": ("permissions: {admin: {users: ['@alice']}}", "Did you mean `alice`?"),
    "a person twice": ("permissions: {admin: {users: [alice, Alice]}}", "already"),
    "a mention for a team": ("permissions: {admin: {teams: ['@acme/Core']}}", "Did you mean `core`?"),
    "a role that may not write": ("permissions: {releaser: {role: read}}", "must be one of"),
    "an admin who may less than a maintainer": ("permissions: {admin: {role: write}}", "must be one of"),
    "an address for a repository": ("build: {repository: https://github.com/o/r}", "no address"),
    "three parts for a repository": ("build: {repository: o/r/x}", "no address"),
    "a line end in a repository": ('build: {repository: "o/r\\n"}', "no address"),
    "a dash before a repository": ("build: {repository: -o/r}", "no address"),
    "a repository called .git": ("build: {repository: o/.git}", "no address"),
    "a repository called ..": ("build: {repository: o/..}", "no address"),
    "an address to call": ("build: {url: 'http://169.254.169.254/'}", "no key"),
    "a path for a workflow": ("build: {workflow: ../../x.yml}", "image-build.yml"),
    "an option for a ref": ("build: {ref: --x}", "name of a branch"),
    "a full ref for a branch": ("build: {ref: refs/heads/main}", "Did you mean `main`?"),
    "no formats": ("build: {formats: []}", "must not be empty"),
    "a format twice": ("build: {formats: [qemu, QEMU]}", "already"),
    "an endless time": ("build: {timeout: .inf}", "8h"),
    "no time": ("build: {timeout: 0h}", "8h"),
    "a month": ("build: {timeout: 720h}", "three days"),
    "a channel named like a line": ("channels: {build-115: {}}", "releases are made on"),
    "a channel named like the main branch": ("channels: {master: {}}", "releases are made on"),
    "a channel of the bot's": ("channels: {release-bot/x: {}}", "bot's own"),
    "a channel with an equals sign": ("channels: {'a=b': {}}", "equals sign"),
    "a forced channel": ("channels: {+dev: {}}", "name of a branch"),
    "a channel for no line": ("channels: {dev: {releases: [buid-115]}}", "no release line"),
    "a channel for a number": ("channels: {dev: {releases: [115]}}", "in quotes"),
    "a date in another order": ("manifest: {epoch: 01.07.2013}", "2013-07-01"),
    "a date that is none": ("manifest: {epoch: 2013-13-01}", "2013-07-01"),
    "a moment for a date": ("manifest: {epoch: 2013-07-01T00:00:00Z}", "2013-07-01"),
    "a line pattern without a number": ("manifest: {line_branch: build}", "{build}"),
    "a line pattern with another brace": ("manifest: {line_branch: 'a-{build}-{x}'}", "no other braces"),
    "a line pattern that git forbids": ("manifest: {line_branch: 'a..{build}'}", "no usable name"),
    "a line file elsewhere": ("manifest: {line_file: 'x/{build}.xml'}", "no usable name"),
    "a line file of another kind": ("manifest: {line_file: '{build}.txt'}", ".xml"),
    "a version file of the links": ("manifest: {version_file: default.xml}", "of their own"),
    "a main branch named like a line": ("manifest: {main_branch: build-1}", "release branch"),
    "a tag without a version": ("manifest: {tag: v1}", "{version}"),
    "a subject of two lines": ('tag: {subject: "a\\n{tag}"}', "one line"),
    "a project with a dash": ("manifest: {branch_projects: [-x]}", "project"),
    "a person for a bot": ("commands: {allow_bots: [renovate]}", "Did you mean `renovate[bot]`?"),
    "an unknown key": ("buidl: {}", "Did you mean `build`?"),
    "a key with a dash": ("manifest: {main-branch: x}", "Did you mean `main_branch`?"),
    "an unseen line end": ("# note\u2028version: 1", "U+2028"),
    "a next line": ("version: 1\x85x: 2", "U+0085"),
    "a text turned round": ("tag: {subject: '\u202e {tag}'}", "U+202E"),
    "a bare carriage return": ("version: 1\rtag: {}", "U+000D"),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_a_mistake_in_the_file_is_named(text: str, words: str) -> None:
    with pytest.raises(BadConfig) as caught:
        read(text.encode())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("version: 1\nbuild:\n  group: no\n", 3, 10),
        ("version: 1\nbuild:\n  grup: a\n", 3, 3),
        ("channels:\n  dev: {}\n  build-1: {}\n", 3, 3),
        ("channels:\n  dev:\n    releases:\n      - build-1\n      - x\n", 5, 9),
        ("a: b: c", 1, 5),
        ("# \xe4\nversion: 1\u200b", 2, 11),
    ],
)
def test_a_mistake_is_named_with_line_and_column(text: str, line: int, column: int) -> None:
    with pytest.raises(BadConfig) as caught:
        read(text.encode())
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"line {line}, column {column}" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "web_hook_secret: s3cr3t",
        "build: {repository: 'https://me:s3cr3t@x.example/'}",
        "permissions: {admin: {users: ['s3cr3t ']}}",
        "manifest: {epoch: s3cr3t}",
        "tag: s3cr3t",
    ],
)
def test_no_value_is_repeated(text: str) -> None:
    with pytest.raises(BadConfig) as caught:
        read(text.encode())
    assert "s3cr3t" not in str(caught.value)


def test_a_key_that_would_be_markdown_is_shown_harmlessly() -> None:
    with pytest.raises(BadConfig) as caught:
        read(b"'a`b @you <x>': 1")
    assert "`a?b @you <x>`" in str(caught.value)


BOMBS = {
    "aliases": "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a, *a, *a, *a]\n" for n in range(9)),
    "ten megabytes": "#" * 10_000_000,
    "brackets": "[" * 60_000,
    "braces": "{" * 60_000,
    "questions": "? " * 30_000,
    "dashes": "- " * 30_000,
    "items": "- a\n" * 16_000,
    "keys": "".join(f"k{n}: 1\n" for n in range(7_000)),
    "one word": "a" * 65_000,
    "one quotation": "'" * 65_000,
    "tags": "!" * 65_000,
    "bytes": "\x00" * 100,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_file_made_to_hurt_is_refused_quickly(text: str) -> None:
    start = time.process_time()
    with pytest.raises(BadConfig):
        read(text.encode())
    assert time.process_time() - start < 0.5


def test_what_is_not_utf_8_is_refused_with_its_line() -> None:
    with pytest.raises(BadConfig, match="line 2"):
        read(b"version: 1\n# \xff\n")


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm() -> None:
    assert read(b"\xef\xbb\xbfversion: 1\r\nbuild: none\r\n").build.trigger == "none"


_WORDS = [
    "build",
    "channels",
    "manifest",
    "lines",
    "dev",
    "115",
    "mode",
    "newer",
    "none",
    "no",
    "~",
    "{build}",
    "'",
    '"',
]
_MARKS = [
    ": ",
    ":",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "? ",
    "| ",
    "> ",
    "&a ",
    "*a",
    "!x ",
    "#",
    "%",
]
yaml_like = st.lists(st.sampled_from(_WORDS + _MARKS), max_size=30).map("".join)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(deadline=None)
def test_bytes_make_a_configuration_or_a_bad_configuration(data: bytes) -> None:
    _read_or_refuse(data)


@given(yaml_like)
@settings(deadline=None, max_examples=300)
def test_anything_like_yaml_makes_a_configuration_or_a_bad_configuration(text: str) -> None:
    _read_or_refuse(text.encode())


@given(st.integers(0, len(FULL) - 1), st.binary(max_size=3), st.integers(0, 5))
@settings(deadline=None, max_examples=300)
def test_a_damaged_file_makes_a_configuration_or_a_bad_configuration(at: int, patch: bytes, cut: int) -> None:
    _read_or_refuse(FULL[:at] + patch + FULL[at + cut :])


def _read_or_refuse(data: bytes) -> None:
    found = _outcome(data)
    if isinstance(found, BadConfig):
        assert found.line >= 1
        assert str(found).isprintable()
    else:
        assert found.digest().startswith("sha256:")
        assert found.build_number_of(found.line_branch(115)) == 115


def _outcome(data: bytes) -> Config | BadConfig:
    try:
        return read(data)
    except BadConfig as bad:
        return bad
