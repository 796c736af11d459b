"""One JSON object a line, with every secret masked: the only way this program logs.

Lines are ASCII, so that nothing a stranger wrote in a comment can forge a second line or colour a terminal.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

MASK = "********"
_SECRETS = re.compile(
    r"gh[a-z]_[A-Za-z0-9_]{16,}"  # GitHub tokens of every kind
    r"|github_pat_[A-Za-z0-9_]{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"  # a JWT
    r"|(?<=://)[^/\s:@]*:[^/\s@]*(?=@)"  # user and password in an address
    r"|(?i:(?<=basic )|(?<=bearer )|(?<=token ))[A-Za-z0-9+/=._~-]{12,}",
    re.DOTALL,
)
_context: ContextVar[dict[str, Any]] = ContextVar("log_context")
_ENGINE = {"applicationID", "applicationVersion", "executorID", "operationUUID"}
_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"} | _ENGINE


def mask(text: str) -> str:
    """`text` with everything that looks like a credential replaced by stars."""
    return _SECRETS.sub(MASK, text)


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Put these fields on every line logged inside, by this thread or greenlet."""
    token = _context.set({**_context.get({}), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class JsonFormatter(logging.Formatter):
    """A record as one line of ASCII JSON; what was given in `extra` and by `bound` becomes fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. It never raises: what has no JSON form is shown by its repr."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_context.get({}),
            **{name: value for name, value in record.__dict__.items() if name not in _PLAIN},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(_masked(line), ensure_ascii=True, default=repr)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send everything this process logs to `stream` (standard error) as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    # The engine's library talks through a console handler of its own; with one in place it adds none.
    engine = logging.getLogger("dbos")
    engine.handlers = [logging.NullHandler()]
    engine.propagate = True
    engine.setLevel(logging.WARNING)
    for chatty in ("urllib3", "git", "github"):
        logging.getLogger(chatty).setLevel(max(logging.INFO, logging.getLevelName(level)))


def _masked(value: Any) -> Any:
    """Masks texts at any depth before they are encoded: a JSON escape could hide the form of a secret."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(str(key)): _masked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(item) for item in value]
    plain = isinstance(value, (int, type(None))) or (isinstance(value, float) and math.isfinite(value))
    return value if plain else mask(repr(value))
