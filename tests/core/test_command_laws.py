"""Laws of the grammar: nothing raises, a command that is printed reads as itself, and what is quoted never runs."""

from __future__ import annotations

import string
from dataclasses import replace
from random import Random

from hypothesis import example, given, settings, strategies as st

from bot.core.command import COMMANDS, Command, Override, find, parse
from bot.core.command.words import fold
from bot.core.version import Version

RELEASES = [spec for spec in COMMANDS if spec.verb in ("new", "branch", "patch")]
RESERVED = {option.key for option in RELEASES[0].options} | {flag.name for flag in RELEASES[0].flags}


def printed(command: Command) -> str:
    """The command in its one form: arguments, projects, options, flags."""
    words = [f"/{command.family}", command.verb, *command.args]
    words += [command.line] if command.line else []
    words += [str(command.build)] if command.build is not None else []
    for override in command.overrides:
        words += [f"{override.project}={override.revision}"] if override.revision else []
        words += [f"{override.project}.upstream={override.upstream}"] if override.upstream else []
    words += [f"{key}={value}" for key, value in command.options.items()]
    words += [f"--{flag}" for flag in sorted(command.flags)]
    return " ".join(words)


numbers = st.integers(0, 999_999_999) | st.integers(0, 200)
versions = st.builds(Version, numbers, numbers, numbers).map(str)
names = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=12).filter(
    lambda name: not name.startswith("-")
)
projects = st.lists(names, min_size=1, max_size=3).map("/".join).filter(lambda name: fold(name) not in RESERVED)
branches = st.lists(names.filter(lambda name: name[0] != "-"), min_size=1, max_size=2).map("/".join)
refs = st.sampled_from(["refs/heads/", "refs/tags/"]).flatmap(lambda place: branches.map(lambda name: place + name))
commits = st.text("0123456789abcdef", min_size=40, max_size=40).filter(lambda commit: commit.strip("0") != "")
short_commits = st.text("0123456789abcdef", min_size=7, max_size=39)
plain = branches.filter(lambda name: name not in ("refs", "HEAD", "released") and not name.startswith("refs/"))
revisions = plain | refs | commits | short_commits | versions.map(lambda v: f"=@{v}") | st.just("=released")
upstreams = branches.map(lambda name: "refs/heads/" + name)
moves = st.tuples(revisions, st.none() | upstreams) | st.tuples(st.none(), upstreams)
slugs = st.from_regex(r"[a-z0-9][a-z0-9-]{0,30}", fullmatch=True)
OPTIONS: dict[str, st.SearchStrategy[str]] = {
    "projects": st.sampled_from(["branched", "none", "all"]),
    "from": versions,
    "sdk": st.sampled_from(["previous", "keep"])
    | versions
    | versions.map(lambda version: f"{version}+2013-10-24-1130"),
    "version": versions,
    "group": slugs,
    "formats": st.lists(slugs, min_size=1, max_size=4).map(",".join),
    "channel": st.sampled_from(["move", "keep"]),
    "build": st.sampled_from(["yes", "no"]),
}


@st.composite
def releases(draw: st.DrawFn) -> Command:
    """Any command for a release, in its one form."""
    verb = draw(st.sampled_from([spec.verb for spec in RELEASES]))
    number = draw(st.integers(1, 999_999))
    named = draw(st.dictionaries(projects, moves, max_size=4))
    chosen = draw(st.sets(st.sampled_from(sorted(OPTIONS))))
    overrides = [Override(project, *move) for project, move in named.items()]
    command = Command(
        family="release",
        verb=verb,
        source="",
        line=None if verb == "new" else f"build-{number}",
        build=draw(st.none() | st.just(number)) if verb == "new" else None,
        # The parser lists the projects that move before those that only have their branch named.
        overrides=tuple(sorted(overrides, key=lambda override: override.revision is None)),
        options={key: draw(OPTIONS[key]) for key in sorted(chosen)},
        flags=draw(st.frozensets(st.sampled_from([flag.name for flag in RELEASES[0].flags]))),
    )
    return replace(command, source=printed(command))


@given(releases())
@settings(deadline=None)
def test_a_printed_command_reads_as_itself(command: Command) -> None:
    assert parse(command.source) == command


@given(releases(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_words_and_the_case_of_keys_change_nothing(command: Command, dice: Random) -> None:
    family, verb, *words = command.source.split(" ")
    dice.shuffle(words)
    words = [_louder(word) for word in words]
    read = parse(" \t".join([family.upper(), verb.title(), *words]))
    assert isinstance(read, Command)
    assert set(read.overrides) == set(command.overrides)
    assert replace(read, source=command.source, overrides=command.overrides) == command


def _louder(word: str) -> str:
    """The same word with another case and other dashes, where neither counts."""
    if word.startswith("--"):
        return "--" + word[2:].upper().replace("-", "_")
    key, equals, value = word.partition("=")
    return f'{key.upper()}="{value}"' if equals and key in RESERVED else word


PIECES = [spec.verb for spec in COMMANDS] + [option.key + "=" for option in RELEASES[0].options]
PIECES += [flag.written for flag in RELEASES[0].flags] + [
    "build-115",
    "115",
    "v115.0.0",
    "released",
    "@",
    "=",
    "=@",
    "+",
]
PIECES += [
    "etcd=",
    "etcd.upstream=",
    "refs/heads/",
    "main",
    "previous",
    "qemu,",
    '"',
    "'",
    " ",
    "\t",
    "--",
    "/",
    "é",
    "\0",
]
lines = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join)


@given(st.sampled_from(["", "new ", "branch build-115 ", "patch build-115 ", "help "]), lines)
@example("new ", "--" + "a-" * 2_000)
@example("new ", "formats=" + "a," * 2_000)
@example("new ", "sdk=" + "1." * 2_000)
@settings(deadline=None, max_examples=500)
def test_no_line_makes_the_parser_raise_and_what_is_understood_prints_to_itself(start: str, line: str) -> None:
    read = parse("/release " + start + line)
    if isinstance(read, Command):
        again = parse(printed(read))
        assert isinstance(again, Command)
        assert again == replace(read, source=again.source)


near_versions = st.lists(
    st.sampled_from(["v", ".", "0", "1", "00", "9" * 9, "1" * 10, "+", " ", "-", "\n", "\u0661"]), max_size=7
)


@given(near_versions.map("".join) | versions | st.text())
def test_an_option_takes_the_versions_that_are_versions(text: str) -> None:
    try:
        expected: str | None = str(Version.parse(text))
    except ValueError:
        expected = None
    spec = find("release", "new")
    assert spec is not None
    reads = {option.key: option.read(text) for option in spec.options}
    assert reads["from"] == reads["version"] == expected
    if "+" not in text and text not in ("keep", "previous"):
        assert reads["sdk"] == expected
