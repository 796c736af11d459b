"""From a comment to one command, one mistake, or nothing for us. It never raises, whatever the text.

A mistake is data: which rule, which word, what would have been right. The sentence is made in `bot.core.text`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.core.command.markdown import command_lines, first_line, looks_like_command
from bot.core.command.spec import COMMANDS, FAMILIES, LATER, Argument, CommandSpec, find
from bot.core.command.words import Word, fold, split
from bot.core.manifest.refs import ref_problem, revision_problem
from bot.core.version import Version

MistakeKind = Literal[
    "bad-character",
    "bad-line",
    "bad-value",
    "duplicate",
    "missing-line",
    "missing-word",
    "not-yet",
    "too-long",
    "too-many-commands",
    "trailing-text",
    "unclosed-quote",
    "unknown-flag",
    "unknown-option",
    "unknown-verb",
]

LONGEST_LINE = 4_096
LONGEST_WORD = 80

_LINE = re.compile(r"build-[1-9][0-9]{0,5}")
_BUILD = re.compile(r"[1-9][0-9]{0,5}")
_NEARLY_A_LINE = re.compile(r"(?:refs/heads/|origin/|\+)?(?:build)?[-_]?0*([1-9][0-9]{0,5})", re.IGNORECASE)
_PROJECT = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+~@/-]{0,254}")
_CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_UPSTREAM = ".upstream"
_RELEASED = "released"


@dataclass(frozen=True)
class Override:
    """A project to move, as typed: to `revision` (None: as it is), and on which branch (a full ref) that is.

    The revision `=released` is the pin of the line's last release, `=@115.0.0` that of this release; no ref begins so.
    """

    project: str
    revision: str | None = None
    upstream: str | None = None


@dataclass(frozen=True)
class Command:
    """One command that was understood. `verb` is the canonical one, `source` what was typed.

    `line` is the release line and `build` the build number, where the command has one and it was given. `text` is the
    free text that ends it.
    """

    family: str
    verb: str
    source: str
    line: str | None = None
    args: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    build: int | None = None
    text: str = ""


@dataclass(frozen=True)
class Mistake:
    """What was not understood: the word (a character as U+XXXX), what is near it, and the whole line, all cut.

    `family` and `verb` are as far as they were understood; `verb` is "" before that.
    """

    kind: MistakeKind
    word: str
    near: tuple[str, ...]
    line: str
    family: str = "release"
    verb: str = ""


class _Wrong(Exception):
    def __init__(self, kind: MistakeKind, word: str, near: Iterable[str] = ()) -> None:
        super().__init__(kind)
        self.kind = kind
        self.word = word
        self.near = tuple(near)


def parse(body: str | None, commands: Sequence[CommandSpec] = COMMANDS) -> Command | Mistake | None:
    """The one command of this comment, what is wrong with it, or None where nothing in it is for us."""
    if not body or not looks_like_command(body):
        return None
    lines = command_lines(body)
    if lines is None:
        return _mistake(_Wrong("too-long", "the comment"), first_line(body))
    if not lines:
        return None
    if len(lines) > 1:
        return _mistake(_Wrong("too-many-commands", lines[1]), lines[0])
    try:
        return _read(lines[0], commands)
    except _Wrong as wrong:
        return _mistake(wrong, lines[0], commands)


def _mistake(wrong: _Wrong, line: str, commands: Sequence[CommandSpec] = ()) -> Mistake:
    words = line[:LONGEST_LINE].split()
    family = next((family for family in FAMILIES if fold(line[1:]).startswith(family)), "")
    spec = find(family, fold(words[1]), commands) if len(words) > 1 else None
    verb = spec.verb if spec else ""
    return Mistake(
        wrong.kind, _cut(wrong.word), tuple(map(_cut, wrong.near)), _cut(line, 3 * LONGEST_WORD), family, verb
    )


def _cut(text: str, most: int = LONGEST_WORD) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _read(line: str, commands: Sequence[CommandSpec]) -> Command:
    if len(line) > LONGEST_LINE:
        raise _Wrong("too-long", line)
    head, text = _apart(line, commands)
    for character in head:
        if not (" " <= character <= "~" or character == "\t"):
            raise _Wrong("bad-character", f"U+{ord(character):04X}")
    for character in text:
        if not (character.isprintable() or character == "\t"):
            raise _Wrong("bad-character", f"U+{ord(character):04X}")
    first, *words = split(head)
    family = fold(first.text[1:])
    spec = _spec(family, words[0].text if words else "help", commands)
    return _Reading(spec, commands).read(words[1:], line, text)


def _apart(line: str, commands: Sequence[CommandSpec]) -> tuple[str, str]:
    """The words of a command, and the free text behind them where the command takes one."""
    words = re.findall(r"[^ \t]+", line)[:2]
    spec = find(fold(words[0][1:]), fold(words[1]), commands) if len(words) == 2 else None
    if spec is None or not spec.takes_text:
        return line, ""
    ours = re.match(rf"[ \t]*(?:[^ \t]+[ \t]+){{{len(spec.arguments) + 1}}}", line)
    return (ours[0], line[ours.end() :].strip()) if ours else (line, "")


def _spec(family: str, typed: str, commands: Sequence[CommandSpec]) -> CommandSpec:
    verb = fold(typed)
    spec = find(family, verb, commands)
    if spec:
        return spec
    ours = [spec for spec in commands if spec.family == family]
    if not ours or verb in LATER.get(family, ()):
        raise _Wrong("not-yet", f"/{family} {typed}" if typed != "help" else f"/{family}")
    if _LINE.fullmatch(verb):
        raise _Wrong("unknown-verb", typed, (spec.verb for spec in ours if Argument("line") in spec.arguments))
    raise _Wrong("unknown-verb", typed, _near_verbs(verb, ours))


def _near_verbs(word: str, specs: Iterable[CommandSpec]) -> Iterable[str]:
    verbs = {name: spec.verb for spec in specs for name in (spec.verb, *spec.aliases)}
    return dict.fromkeys(verbs[name] for name in _near(word, verbs))


def _near(word: str, names: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(word[:LONGEST_WORD], list(names), n=1, cutoff=0.6)


class _Reading:
    """The words after the verb, taken one by one; the first that does not fit ends it."""

    def __init__(self, spec: CommandSpec, commands: Sequence[CommandSpec]) -> None:
        self.spec = spec
        self.commands = commands
        self.waiting = list(spec.arguments)
        self.line: str | None = None
        self.build: int | None = None
        self.args: list[str] = []
        self.options: dict[str, str] = {}
        self.flags: set[str] = set()
        self.revisions: dict[str, str] = {}
        self.upstreams: dict[str, str] = {}

    def read(self, words: Iterable[Word], source: str, text: str = "") -> Command:
        if text:
            self.waiting.pop()
        for word in words:
            if word.text.startswith("-"):
                self._flag(word)
            elif word.key is not None:
                self._pair(word, word.key)
            else:
                self._positional(word.text)
        if any(argument.required for argument in self.waiting):
            needs_line = self.waiting[0].kind == "line"
            raise _Wrong("missing-line", "") if needs_line else _Wrong("missing-word", "", (self.spec.usage,))
        return Command(
            family=self.spec.family,
            verb=self.spec.verb,
            source=source,
            line=self.line,
            args=tuple(self.args),
            overrides=tuple(
                Override(project, self.revisions.get(project), self.upstreams.get(project))
                for project in dict.fromkeys([*self.revisions, *self.upstreams])
            ),
            options=self.options,
            flags=frozenset(self.flags),
            build=self.build,
            text=text,
        )

    def _flag(self, word: Word) -> None:
        typed = word.text if word.key is None else word.key
        name = fold(typed.removeprefix("--"))
        known = {flag.name for flag in self.spec.flags}
        if not typed.startswith("--") or name not in known:
            if name in self.spec.later:
                raise _Wrong("not-yet", typed)
            raise _Wrong("unknown-flag", word.text, self._near_options(name.strip("-")))
        if word.key is not None:
            raise _Wrong("bad-value", word.text, ("--" + name,))
        if name in self.flags:
            raise _Wrong("duplicate", "--" + name)
        self.flags.add(name)

    def _pair(self, word: Word, key: str) -> None:
        if word.unclosed:
            raise _Wrong("unclosed-quote", word.text)
        name = fold(key)
        option = next((option for option in self.spec.options if option.key == name), None)
        if option:
            value = option.read(word.value)
            if value is None:
                raise _Wrong("bad-value", word.text, (option.written,))
            self._put(self.options, name, value)
        elif name in self.spec.later:
            raise _Wrong("not-yet", key)
        elif name in {flag.name for flag in self.spec.flags}:
            raise _Wrong("unknown-option", key, ("--" + name,))
        elif self.spec.overrides and _PROJECT.fullmatch(key):
            self._override(word, key)
        else:
            raise _Wrong("unknown-option", key or word.text, self._near_options(name))

    def _override(self, word: Word, key: str) -> None:
        if fold(key).endswith(_UPSTREAM) and len(key) > len(_UPSTREAM):
            self._put(self.upstreams, key[: -len(_UPSTREAM)], _upstream(word, key))
        else:
            self._put(self.revisions, key, _revision(word, key))

    def _put(self, into: dict[str, str], key: str, value: str) -> None:
        if key in into:
            raise _Wrong("duplicate", key)
        into[key] = value

    def _near_options(self, name: str) -> list[str]:
        shown = {flag.name: "--" + flag.name for flag in self.spec.flags}
        shown |= {option.key: option.key + "=" for option in self.spec.options}
        return [shown[near] for near in _near(name, shown)]

    def _positional(self, word: str) -> None:
        if not self.waiting:
            raise _Wrong("trailing-text", word)
        match self.waiting.pop(0).kind:
            case "line":
                self.line = _line(word)
            case "build":
                self.build = self._number(word)
            case "verb":
                self.args.append(self._topic(word))
            case "channel":
                self.args.append(self._channel(word))
            case "version":
                self.args.append(self._version(word))
            case "about":
                self.args.append(word if _LINE.fullmatch(word) else self._version(word))
            case "text":
                raise _Wrong("missing-word", "", (self.spec.usage,))

    def _number(self, word: str) -> int:
        if not _BUILD.fullmatch(word):
            nearly = _NEARLY_A_LINE.fullmatch(word)
            example = f"{self.spec.name} {nearly[1] if nearly else 115}"
            raise _Wrong("bad-value", word, (example,) if nearly else (self.spec.name, example))
        return int(word)

    def _channel(self, word: str) -> str:
        if not _CHANNEL.fullmatch(word):
            raise _Wrong("bad-value", word, (self.spec.usage,))
        return word

    def _version(self, word: str) -> str:
        try:
            return str(Version.parse(word.removeprefix("v")))
        except ValueError:
            raise _Wrong("bad-value", word, self.spec.examples[-1:]) from None

    def _topic(self, word: str) -> str:
        spec = find(self.spec.family, fold(word), self.commands)
        if spec is None:
            own = [spec for spec in self.commands if spec.family == self.spec.family]
            raise _Wrong("unknown-verb", word, _near_verbs(fold(word), own))
        return spec.verb


def _line(word: str) -> str:
    if not _LINE.fullmatch(word):
        nearly = _NEARLY_A_LINE.fullmatch(word)
        raise _Wrong("bad-line", word, (f"build-{nearly[1]}",) if nearly else ())
    return word


def _revision(word: Word, key: str) -> str:
    """What a project moves to. The pins of a release have a form that no ref has: `=released`, `=@115.0.0`."""
    pin = word.value.removeprefix("=")
    if pin == _RELEASED:
        return f"={_RELEASED}"
    if pin.startswith("@"):
        try:
            return f"=@{Version.parse(pin[1:])}"
        except ValueError:
            raise _Wrong("bad-value", word.text, (f"{key}=@115.0.0",)) from None
    if pin != word.value:
        raise _Wrong("bad-value", word.text, (f"{key}={_RELEASED}", f"{key}=@115.0.0"))
    if revision_problem(word.value) or "=" in word.value:
        raise _Wrong("bad-value", word.text)
    return word.value


def _upstream(word: Word, key: str) -> str:
    ref = word.value if word.value.startswith("refs/") else "refs/heads/" + word.value
    if ref_problem(ref) or "=" in ref:
        raise _Wrong("bad-value", word.text, (f"{key}=refs/heads/master",))
    return ref
