"""What the rows of a file of bad inputs have in common: how their words are read, and how an outcome is told."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

Kind = Literal["accept", "refuse", "ignore"]
WORDS: Mapping[str, Kind] = {"ACCEPT": "accept", "NORMALISE": "accept", "REFUSE": "refuse", "IGNORE": "ignore"}
"""The words in capitals that a row's expectation uses, and what each asks for."""


class BadRow(Exception):
    """A row cannot be judged; the sentence says what is missing here."""


@dataclass(frozen=True)
class Outcome:
    """What came out of the product: taken, refused with a sentence, or passed over. `value` is what was read."""

    kind: Kind
    said: str = ""
    value: Any = None


Check = Callable[[Outcome], bool]
"""What a row asks for beside the kind of its outcome."""


@dataclass(frozen=True)
class Row:
    """One row of the file, as it stands there."""

    id: str
    area: str
    input: Any
    expected: str

    @cached_property
    def wanted(self) -> frozenset[Kind]:
        """The outcomes that the row's words allow: those of the capitals before the reason is given."""
        return frozenset(WORDS[word] for word in re.findall("|".join(WORDS), re.split("[:;(]", self.expected)[0]))

    @cached_property
    def milliseconds(self) -> float | None:
        """How long it may take, where its words say so."""
        said = re.search(r"< ([0-9]+) ms", self.expected)
        return float(said[1]) if said else None

    @property
    def is_described(self) -> bool:
        """Whether its input is too big to stand in the file."""
        return isinstance(self.input, dict) and "gen" in self.input

    def text(self) -> str:
        """The input as text: as it stands, or made from its expression of literals."""
        made = evaluated(self.input["gen"]) if self.is_described else self.input
        if not isinstance(made, str):
            raise BadRow(f"its input is no text: {made!r:.60}")
        return made

    def data(self) -> bytes:
        """The input as bytes: text in UTF-8, or the hexadecimal digits that stand for them."""
        if isinstance(self.input, dict) and "hex" in self.input:
            return bytes.fromhex(self.input["hex"])
        return self.text().encode()


def row_of(line: str) -> Row:
    """One line of the file."""
    read = json.loads(line)
    return Row(read["id"], read["area"], read["input"], read["expected"])


def evaluated(expression: str) -> str:
    """Texts and numbers joined by `+` and `*`; BadRow for anything else."""
    try:
        made = _value(ast.parse(expression, mode="eval").body)
    except SyntaxError:
        raise BadRow(f"{expression!r} is described in words, and nothing here makes it") from None
    return str(made)


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str() | int()):
            return node.value
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _value(left) + _value(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _value(left) * _value(right)
    raise BadRow("an expression may hold texts, numbers, + and * only")
