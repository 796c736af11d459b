"""One command line: words, options, overrides and flags, and the mistake that each slip makes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from bot.core.command import (
    COMMANDS,
    EVERYWHERE,
    Argument,
    Command,
    CommandSpec,
    Flag,
    Mistake,
    Option,
    Override,
    find,
    help_for,
    parse,
    render_table,
)
from bot.core.command.words import fold, split

COMMIT = "5c11a2f9" * 5
RELEASES = ["new", "branch", "patch"]
PROBE = CommandSpec(
    family="release",
    verb="probe",
    usage="/release probe build-N [formats=a,b]",
    effect="Is there so that options can be tested.",
    places=("issue",),
    who="admin",
    lane="control",
    examples=(),
    arguments=(Argument("line", required=False),),
    options=(Option("formats", "[a-z,]+", "a,b", "which formats"), Option("build", "yes|no", "yes|no", "whether")),
    flags=(Flag("dry-run", "only look"),),
    overrides=True,
    later=("soon",),
)


def accepted(line: str) -> Command:
    command = parse(line, (*COMMANDS, PROBE))
    assert isinstance(command, Command), command
    return command


def refused(line: str) -> Mistake:
    mistake = parse(line, (*COMMANDS, PROBE))
    assert isinstance(mistake, Mistake), mistake
    return mistake


def test_a_patch_names_its_line_projects_and_flags() -> None:
    command = accepted(f"/release patch build-115 coreos/etcd={COMMIT} src/scripts=main --allow-empty")
    assert command == Command(
        family="release",
        verb="patch",
        source=f"/release patch build-115 coreos/etcd={COMMIT} src/scripts=main --allow-empty",
        line="build-115",
        overrides=(Override("coreos/etcd", COMMIT), Override("src/scripts", "main")),
        flags=frozenset({"allow-empty"}),
    )


def test_revision_and_upstream_of_a_project_come_together() -> None:
    command = accepted("/release patch build-115 etcd.upstream=release-0.1 scripts=5c11a2f etcd=5c11a2f")
    assert command.overrides == (
        Override("scripts", "5c11a2f"),
        Override("etcd", "5c11a2f", "refs/heads/release-0.1"),
    )


def test_an_upstream_alone_moves_no_pin() -> None:
    command = accepted("/release patch build-115 coreos/etcd.upstream=refs/heads/next")
    assert command.overrides == (Override("coreos/etcd", None, "refs/heads/next"),)


@pytest.mark.parametrize(
    "line",
    [
        "/release patch build-115 --allow-empty a=b",
        "/release  patch\tbuild-115\t --allow-empty  a=b  ",
        "/RELEASE Patch build-115 --Allow_Empty a=b",
        "/release patch --allow-empty a=b build-115",
        '/release patch build-115 --allow-empty a="b"',
        "/release patch build-115 --allow-empty a='b'",
    ],
)
def test_blanks_case_of_verbs_order_and_quotes_do_not_matter(line: str) -> None:
    command = accepted(line)
    assert (command.verb, command.line, command.flags) == ("patch", "build-115", frozenset({"allow-empty"}))
    assert command.overrides == (Override("a", "b"),)


def test_projects_and_refs_keep_their_case() -> None:
    assert accepted("/release patch build-115 CoreOS/My_Etcd=Next_One").overrides == (
        Override("CoreOS/My_Etcd", "Next_One"),
    )


def test_an_option_key_wins_over_a_project_of_the_same_name() -> None:
    command = accepted("/release probe Formats=qemu,vmware build='yes' acme/formats=main")
    assert command.options == {"formats": "qemu,vmware", "build": "yes"}
    assert command.overrides == (Override("acme/formats", "main"),)


def test_the_alias_of_a_verb_is_the_verb() -> None:
    assert accepted("/release retry").verb == "resume"


def test_the_family_alone_asks_for_help() -> None:
    assert (accepted("/release").verb, accepted("/release").args) == ("help", ())


def test_help_takes_one_verb_or_alias() -> None:
    assert accepted("/release help Patch").args == ("patch",)
    assert accepted("/release help retry").args == ("resume",)


MISTAKES = {
    "/release pach build-115": ("unknown-verb", "pach", ("patch",)),
    "/release retri": ("unknown-verb", "retri", ("resume",)),
    "/release xyzzy": ("unknown-verb", "xyzzy", ()),
    "/release build-115": ("unknown-verb", "build-115", ("branch", "patch")),
    "/release --help": ("unknown-verb", "--help", ("help",)),
    "/release help xyzzy": ("unknown-verb", "xyzzy", ()),
    "/release help pach": ("unknown-verb", "pach", ("patch",)),
    "/release new build-115": ("bad-value", "build-115", ("/release new 115",)),
    "/release new 0115": ("bad-value", "0115", ("/release new 115",)),
    "/release new 1234567": ("bad-value", "1234567", ("/release new", "/release new 115")),
    "/release new 0": ("bad-value", "0", ("/release new", "/release new 115")),
    "/release new 115.0.0": ("bad-value", "115.0.0", ("/release new", "/release new 115")),
    "/release new 115;": ("bad-value", "115;", ("/release new", "/release new 115")),
    "/release new please": ("bad-value", "please", ("/release new", "/release new 115")),
    "/release new 115 116": ("trailing-text", "116", ()),
    "/release branch": ("missing-line", "", ()),
    "/release branch 115": ("bad-line", "115", ("build-115",)),
    "/release branche build-115": ("unknown-verb", "branche", ("branch",)),
    "/release plan new": ("not-yet", "/release plan", ()),
    "/release Close": ("not-yet", "/release Close", ()),
    "/build": ("not-yet", "/build", ()),
    "/build status": ("not-yet", "/build status", ()),
    "/channel frobnicate": ("unknown-verb", "frobnicate", ()),
    "/channel shw": ("unknown-verb", "shw", ("show",)),
    "/channel set": ("missing-word", "", ("/channel set NAME VERSION REASON",)),
    "/channel set beta": ("missing-word", "", ("/channel set NAME VERSION REASON",)),
    "/channel set beta 115.0.0": ("missing-word", "", ("/channel set NAME VERSION REASON",)),
    "/channel set be:ta 115.0.0 x": ("bad-value", "be:ta", ("/channel set NAME VERSION REASON",)),
    "/channel set beta 115 x": (
        "bad-value",
        "115",
        ("/channel set dev-channel 115.0.0 115.0.1 does not boot on VMware",),
    ),
    "/channel set beta 115.0.0 a \u202e b": ("bad-character", "U+202E", ()),
    "/channel show all": ("trailing-text", "all", ()),
    "/release status nothing": ("bad-value", "nothing", ("/release status build-115",)),
    "/release patch": ("missing-line", "", ()),
    "/release patch etcd=main": ("missing-line", "", ()),
    "/release patch BUILD-115": ("bad-line", "BUILD-115", ("build-115",)),
    "/release patch 115": ("bad-line", "115", ("build-115",)),
    "/release patch build-0115": ("bad-line", "build-0115", ("build-115",)),
    "/release patch refs/heads/build-115": ("bad-line", "refs/heads/build-115", ("build-115",)),
    "/release patch +build-115": ("bad-line", "+build-115", ("build-115",)),
    "/release patch build-1_1_5": ("bad-line", "build-1_1_5", ()),
    "/release patch build-4294967411": ("bad-line", "build-4294967411", ()),
    "/release patch build-0": ("bad-line", "build-0", ()),
    "/release patch build-115;": ("bad-line", "build-115;", ()),
    "/release patch build-115@{1}": ("bad-line", "build-115@{1}", ()),
    "/release patch ../../master": ("bad-line", "../../master", ()),
    "/release patch dev-channel": ("bad-line", "dev-channel", ()),
    "/release patch $(id)": ("bad-line", "$(id)", ()),
    "/release patch build-115 build-116": ("trailing-text", "build-116", ()),
    "/release patch build-115 please": ("trailing-text", "please", ()),
    "/release patch build-115 don't": ("trailing-text", "don't", ()),
    "/release resume now": ("trailing-text", "now", ()),
    "/release patch -d": ("unknown-flag", "-d", ()),
    "/release patch build-115 --alow-empty": ("unknown-flag", "--alow-empty", ("--allow-empty",)),
    "/release patch build-115 -allow-empty": ("unknown-flag", "-allow-empty", ("--allow-empty",)),
    "/release patch build-115 --formats=x": ("unknown-flag", "--formats=x", ("formats=",)),
    "/release patch --upload-pack=touch": ("unknown-flag", "--upload-pack=touch", ()),
    "/release resume --allow-empty": ("unknown-flag", "--allow-empty", ()),
    "/release patch build-115 --allow-empty=yes": ("bad-value", "--allow-empty=yes", ("--allow-empty",)),
    "/release patch build-115 allow-empty=yes": ("unknown-option", "allow-empty", ("--allow-empty",)),
    "/release patch build-115 =main": ("unknown-option", "=main", ()),
    "/release patch build-115 [x]=main": ("unknown-option", "[x]", ()),
    "/release resume etcd=main": ("unknown-option", "etcd", ()),
    "/release probe format[s]=a": ("unknown-option", "format[s]", ("formats=",)),
    "/release probe Soon=1": ("not-yet", "Soon", ()),
    "/release probe --soon": ("not-yet", "--soon", ()),
    "/release probe formats=QEMU": ("bad-value", "formats=QEMU", ("formats=a,b",)),
    "/release probe formats=": ("bad-value", "formats=", ("formats=a,b",)),
    "/release patch build-115 etcd=": ("bad-value", "etcd=", ()),
    "/release patch build-115 etcd=--x": ("bad-value", "etcd=--x", ()),
    "/release patch build-115 etcd=a=b": ("bad-value", "etcd=a=b", ()),
    "/release patch build-115 etcd=a..b": ("bad-value", "etcd=a..b", ()),
    "/release patch build-115 etcd=a@{1}": ("bad-value", "etcd=a@{1}", ()),
    "/release patch build-115 etcd='a b'": ("bad-value", "etcd='a b'", ()),
    "/release patch build-115 etcd.upstream=refs/heads/": (
        "bad-value",
        "etcd.upstream=refs/heads/",
        ("etcd.upstream=refs/heads/master",),
    ),
    "/release patch build-115 etcd==main": ("bad-value", "etcd==main", ("etcd=released", "etcd=@115.0.0")),
    "/release patch build-115 etcd==": ("bad-value", "etcd==", ("etcd=released", "etcd=@115.0.0")),
    "/release patch build-115 etcd==Released": (
        "bad-value",
        "etcd==Released",
        ("etcd=released", "etcd=@115.0.0"),
    ),
    "/release patch build-115 etcd===released": (
        "bad-value",
        "etcd===released",
        ("etcd=released", "etcd=@115.0.0"),
    ),
    "/release patch build-115 etcd=@115.0": ("bad-value", "etcd=@115.0", ("etcd=@115.0.0",)),
    "/release patch build-115 etcd==@main": ("bad-value", "etcd==@main", ("etcd=@115.0.0",)),
    "/release patch build-115 etcd=@": ("bad-value", "etcd=@", ("etcd=@115.0.0",)),
    "/release patch build-115 etcd=released etcd==released": ("duplicate", "etcd", ()),
    "/release new sdk=keep SDK=previous": ("duplicate", "sdk", ()),
    "/release patch build-115 --draft=yes": ("bad-value", "--draft=yes", ("--draft",)),
    "/release patch build-115 draft=yes": ("unknown-option", "draft", ("--draft",)),
    "/release patch build-115 etcd=a etcd=a": ("duplicate", "etcd", ()),
    "/release patch build-115 e.upstream=a e.Upstream=b": ("duplicate", "e", ()),
    "/release patch build-115 --allow-empty --allow_empty": ("duplicate", "--allow-empty", ()),
    "/release probe build=yes build=no": ("duplicate", "build", ()),
    '/release patch build-115 etcd="main': ("unclosed-quote", 'etcd="main', ()),
    '/release patch build-115 etcd="main"x': ("unclosed-quote", 'etcd="main"x', ()),
    "/release patch build\u2010115": ("bad-character", "U+2010", ()),
    "/release patch build-\u0661\u0661\u0665": ("bad-character", "U+0661", ()),
    "/release patch \u202e511-dliub": ("bad-character", "U+202E", ()),
    "/release patch build-115\x00": ("bad-character", "U+0000", ()),
    "/release patch build-115\v/release resume": ("bad-character", "U+000B", ()),
    "/release patch build-115\x85x": ("bad-character", "U+0085", ()),
    "/release\u00a0patch build-115": ("bad-character", "U+00A0", ()),
    "/release patch build-115 \U0001f680": ("bad-character", "U+1F680", ()),
}


@pytest.mark.parametrize(("line", "expected"), MISTAKES.items(), ids=[ascii(line) for line in MISTAKES])
def test_a_slip_is_named_with_its_word_and_what_is_near(line: str, expected: tuple[str, str, tuple[str, ...]]) -> None:
    mistake = refused(line)
    assert (mistake.kind, mistake.word, mistake.near) == expected
    assert mistake.line == line


def test_a_mistake_knows_how_far_the_command_was_understood() -> None:
    assert refused("/release Patch build-115 --x").verb == "patch"
    assert refused("/release pach").verb == ""
    assert refused("/channel shw").family == "channel"


def test_what_a_mistake_repeats_is_cut() -> None:
    mistake = refused("/release patch " + "x" * 3_000)
    assert (mistake.kind, len(mistake.word), len(mistake.line)) == ("bad-line", 80, 240)
    assert refused("/release " + "x " * 30_000).kind == "too-long"


def test_every_example_and_alias_is_understood() -> None:
    for spec in COMMANDS:
        for example in spec.examples:
            assert accepted(example).verb == spec.verb
        for alias in spec.aliases:
            assert find(spec.family, alias) is spec


def test_no_command_has_a_word_that_exists_and_is_still_to_come() -> None:
    for spec in COMMANDS:
        taken = {flag.name for flag in spec.flags} | {option.key for option in spec.options}
        assert not taken & set(spec.later)
        assert spec.places
        assert spec.effect.endswith(".")


def test_help_is_cut_to_place_and_person() -> None:
    assert [spec.verb for spec in help_for("issue", "everyone")] == ["status", "help", "show"]
    assert [spec.verb for spec in help_for("issue", "releaser")] == [
        *RELEASES,
        *("hold", "unhold", "status", "help", "show"),
    ]
    assert [spec.verb for spec in help_for("merged pull", "admin")] == [
        *RELEASES,
        *("resume", "adopt", "abandon", "hold", "unhold", "status", "help", "show"),
    ]


def test_the_table_has_a_row_for_each_command_and_only_four_columns() -> None:
    lines = render_table((*COMMANDS, PROBE)).splitlines()
    assert len(lines) == 2 + len(COMMANDS) + 1
    for line in lines:
        assert line.replace("\\|", "").count("|") == 5
    assert lines[5] == (
        "| `/release resume` | merged release pull requests | releasers "
        "| Proves a merged release again and goes on at the step that failed. Also: `/release retry`. |"
    )
    assert "| anywhere |" in lines[2]
    assert set(COMMANDS[0].places) == set(EVERYWHERE)


def test_folding_touches_ascii_letters_and_underscores_only() -> None:
    assert fold("Allow_Empty") == "allow-empty"
    assert fold("\u212a\u0130") == "\u212a\u0130"


words = st.lists(
    st.sampled_from(
        ["build-115", "patch", "resume", "help", "a=b", "a.upstream=c", "--allow-empty", "-x", "=", "'", '"']
    )
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=6),
    max_size=6,
)


@given(words)
@settings(deadline=None)
def test_no_words_make_the_parser_raise_and_what_is_understood_is_safe(typed: list[str]) -> None:
    found = parse("/release " + " ".join(typed))
    assert found is not None
    if isinstance(found, Command):
        for override in found.overrides:
            for value in (override.project, override.revision or "x", override.upstream or "x"):
                assert not value.startswith("-")
                assert not set(value) & set(" \t'\"`$;&|<>(){}[]*?\\^:")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_splitting_loses_no_word(line: str) -> None:
    assert "".join(word.text for word in split(line)).replace(" ", "") == line.replace(" ", "")


def test_the_rest_of_the_line_is_free_text() -> None:
    told = parse("/channel set Beta v115.0.0  it does not boot: \u201cno disk\u201d, x=1 --y /release")
    assert isinstance(told, Command)
    assert (told.args, told.text) == (("Beta", "115.0.0"), "it does not boot: \u201cno disk\u201d, x=1 --y /release")


@pytest.mark.parametrize(("typed", "about"), [("build-115", "build-115"), ("v115.0.1", "115.0.1"), ("1.2.3", "1.2.3")])
def test_status_is_asked_of_a_line_or_a_version(typed: str, about: str) -> None:
    told = parse(f"/release status {typed}")
    assert isinstance(told, Command)
    assert told.args == (about,)
