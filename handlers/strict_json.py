"""JSON as strict as the standard: one reader with one result, whatever other readers make of the same bytes."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class NotJson(Exception):
    """The bytes are no JSON object that this program reads; the message says why in a few words."""


def load(data: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8. Refuses NaN, repeated keys, half surrogate pairs, endless digits and nesting."""
    try:
        text = data.decode("utf-8")
        loaded = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeats)
        if _SURROGATE.search(data):
            json.dumps(loaded, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except ValueError as error:  # also UnicodeError, and more digits than a number may have
        raise NotJson(str(error)[:200]) from None
    if not isinstance(loaded, dict):
        raise NotJson("no object")
    return loaded


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found
