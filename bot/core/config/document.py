"""A configuration file as a tree of values that know where they stand, read by rules stricter than YAML's.

YAML 1.1 takes `no` for false, `0115` for 77 and `1:30` for 90, keeps the last of two equal keys and lets a small
file grow without end by aliases. So the text is only composed here, never constructed: each field says how it reads
its scalar, and everything clever is refused with its line and column. Values are not repeated in sentences, as
people put secrets in wrong places.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import yaml

from bot.core.shown import shown

CONFIG_FILE = ".github/manifest-release.yml"
LARGEST = 64 * 1024
DEEPEST = 8
MOST_NODES = 4_000

_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TAGS = {"bool": "a yes or no", "int": "a number", "float": "a number", "null": "nothing", "timestamp": "a date"}


class BadConfig(Exception):
    """The configuration file does not read. `line` and `column` count from 1; `sentence` quotes nothing raw."""

    def __init__(self, line: int, column: int, sentence: str, suggestion: str | None = None) -> None:
        hint = f" Did you mean {shown(suggestion)}?" if suggestion else ""
        super().__init__(f"`{CONFIG_FILE}`, line {line}, column {column}: {sentence}{hint}")
        self.line = line
        self.column = column
        self.sentence = sentence
        self.suggestion = suggestion


def _wrong(node: yaml.Node | yaml.Event, sentence: str, suggestion: str | None = None) -> BadConfig:
    mark = node.start_mark
    return BadConfig(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, sentence, suggestion)


class _StrictLoader(yaml.SafeLoader):
    """Composes plain trees only: no anchors, aliases or tags, and not too many nodes or levels."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _wrong(event, "Aliases are not read: write the value out.")
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            raise _wrong(event, "Anchors are not read: write the value out where it is needed.")
        if getattr(event, "tag", None):
            raise _wrong(event, "Tags are not read: write the plain value.")
        self.depth += 1
        self.nodes += 1
        if self.depth > DEEPEST or self.nodes > MOST_NODES:
            raise _wrong(event, "There is more in this file than a configuration can hold.")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


@dataclass(frozen=True)
class Field:
    """One value of the file; `name` is its path from the top ("build.formats"), for sentences."""

    node: yaml.Node
    name: str = ""

    def wrong(self, sentence: str, suggestion: str | None = None) -> BadConfig:
        """The complaint about this value, to be raised."""
        return _wrong(self.node, sentence, suggestion)

    @property
    def shown(self) -> str:
        """Its name in a code span."""
        return shown(self.name) if self.name else "the file"

    @property
    def says(self) -> str:
        """The same at the start of a sentence."""
        return self.shown[0].upper() + self.shown[1:]

    def entries(self) -> Iterator[tuple[Field, Field]]:
        """The pairs of a map: the key as a field whose name is the key's own text, and the value."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong(f"{self.says} must be a map (`key: value`), and this is {self._kind()}.")
        seen: set[str] = set()
        for key, value in self.node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong(key, "A key must be a plain word.")
            if key.value in seen:
                raise _wrong(key, f"The key {shown(key.value)} stands here twice: remove one.")
            seen.add(key.value)
            yield Field(key, key.value), Field(value, f"{self.name}.{key.value}" if self.name else key.value)

    def section(self, known: Iterable[str]) -> dict[str, Field]:
        """The values of a map whose keys are all known, by key."""
        names = list(known)
        found = {}
        for key, value in self.entries():
            if key.name not in names:
                raise key.wrong(
                    f"{shown(key.name)} is no key of {self.shown}.{_list(names)}", _nearest(key.name, names)
                )
            found[key.name] = value
        return found

    def items(self) -> list[Field]:
        """The values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong(f"{self.says} must be a list (`[one, two]`), and this is {self._kind()}.")
        return [Field(node, f"{self.name}[{number}]") for number, node in enumerate(self.node.value, start=1)]

    def is_scalar(self) -> bool:
        """Whether it is neither a map nor a list."""
        return isinstance(self.node, yaml.ScalarNode)

    def is_text(self) -> bool:
        """Whether it is a text rather than a map, a list or anything else."""
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag.endswith(":str")

    def text(self) -> str:
        """A text. What YAML would read as something else must be quoted."""
        if not isinstance(self.node, yaml.ScalarNode) or not self.is_text():
            hint = " Write it in quotes." if isinstance(self.node, yaml.ScalarNode) and self.node.value else ""
            raise self.wrong(f"{self.says} must be a text, and YAML reads this as {self._kind()}.{hint}")
        return str(self.node.value)

    def number(self) -> int:
        """A whole number in decimal, without quotes."""
        text = self._plain()
        if text is None or not _NUMBER.fullmatch(text):
            octal = " A leading zero would make it octal." if text and re.fullmatch("0[0-9]+", text) else ""
            raise self.wrong(f"{self.says} must be a whole number like 115, without quotes.{octal}")
        return int(text)

    def flag(self) -> bool:
        """`true` or `false`."""
        text = self._plain()
        if text not in ("true", "false"):
            meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get((text or "").lower())
            raise self.wrong(f"{self.says} must be `true` or `false`.", meant)
        return text == "true"

    def date(self) -> date:
        """A date as YYYY-MM-DD."""
        text = self.node.value if isinstance(self.node, yaml.ScalarNode) else ""
        try:
            return date.fromisoformat(text if _DATE.fullmatch(text) else "")
        except ValueError:
            raise self.wrong(f"{self.says} must be a date like 2013-07-01.") from None

    def choice(self, *values: str) -> str:
        """One of these words."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.value not in values:
            near = _nearest(self.node.value, values) if isinstance(self.node, yaml.ScalarNode) else None
            raise self.wrong(f"{self.says} must be one of {', '.join(map(shown, values))}.", near)
        return str(self.node.value)

    def _plain(self) -> str | None:
        return self.node.value if isinstance(self.node, yaml.ScalarNode) and self.node.style is None else None

    def _kind(self) -> str:
        if isinstance(self.node, yaml.MappingNode):
            return "a map"
        if isinstance(self.node, yaml.SequenceNode):
            return "a list"
        return _TAGS.get(self.node.tag.rpartition(":")[2], "a text")


def load(data: bytes) -> Field | None:
    """The whole file, or None where it says nothing."""
    if len(data) > LARGEST:
        raise BadConfig(1, 1, f"The file has {len(data):,} bytes; at most {LARGEST:,} are read.")
    text = _text(data)
    try:
        node = _StrictLoader(text).get_single_node()
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BadConfig(*where, f"This is not YAML: {shown(bad.problem or 'it does not parse')}.") from None
    except yaml.YAMLError:
        raise BadConfig(1, 1, "The file holds characters that YAML does not allow: save it as plain text.") from None
    return Field(node) if node is not None else None


def _text(data: bytes) -> str:
    """The file's text, in which only LF ends a line and nothing is unseen.

    YAML ends a line, and so a comment, at U+0085, U+2028 and U+2029 too, where a reviewer sees one line.
    """
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as bad:
        line = data.count(b"\n", 0, bad.start) + 1
        raise BadConfig(line, 1, "The file is not UTF-8: save it as plain text.") from None
    for number, line_text in enumerate(text.split("\n"), start=1):
        if not line_text.replace("\t", "").isprintable():
            column = next(i for i, c in enumerate(line_text) if c != "\t" and not c.isprintable())
            character = f"U+{ord(line_text[column]):04X}"
            raise BadConfig(number, column + 1, f"The character {character} cannot be seen: remove it.")
    return text


def _nearest(word: str, names: Iterable[str]) -> str | None:
    found = difflib.get_close_matches(word[:80].lower().replace("-", "_"), {n.lower(): n for n in names}, n=1)
    return next((name for name in names if found and name.lower() == found[0]), None)


def _list(names: list[str]) -> str:
    return f" Known: {', '.join(names)}."
