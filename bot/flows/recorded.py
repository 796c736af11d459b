"""Steps as the engine records them, and begins them only while this process has the right to.

A fault is recorded as a value, for DBOS would bring back another class of exception.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from dbos import DBOS, StepOptions

from bot.flows.lock import Seat
from bot.outage import Denied, Outage
from bot.store.database import faults

log = logging.getLogger(__name__)
SLICE = 0.1
"""Seconds between two looks whether the right to begin has come back."""


class Leave(BaseException):
    """Ends a flow between two steps without an outcome: another worker carries it on."""


class Broken(Exception):
    """A step broke on our side; it was logged where it happened."""


class Recorded:
    """The steps of one try (see `bot.flows.outcome.Steps`). Raises Leave where this process is to begin nothing."""

    def __init__(self, seat: Seat, leaving: threading.Event) -> None:
        self._seat = seat
        self._leaving = leaving

    def run(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        """See `Steps`."""
        self._wait_for_right()
        with faults():
            record = DBOS.run_step(StepOptions(name=name), self._record, fn, args)
        if "outage" in record:
            raise Outage(*record["outage"])
        if "denied" in record:
            raise Denied(*record["denied"])
        if "bug" in record:
            raise Broken(record["bug"])
        return record["value"]

    def _wait_for_right(self) -> None:
        """Return once a step may begin. While the database is away it may not, and nobody else begins it either."""
        while True:
            if self._seat.lost or self._leaving.is_set():
                raise Leave
            if self._seat.good():
                return
            self._leaving.wait(SLICE)

    def _record(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> dict[str, Any]:
        """What the step returned, as JSON brings it back, or how it failed."""
        # A second time: the engine has asked the database since, and that may have taken minutes.
        self._wait_for_right()
        try:
            return {"value": json.loads(json.dumps(fn(*args)))}
        except Outage as outage:
            return {"outage": [outage.system, outage.reason, outage.retry_after]}
        except Denied as denied:
            return {"denied": [denied.system, denied.reason, denied.status]}
        except Exception as error:
            log.exception("the step %s broke", getattr(fn, "__name__", fn))
            return {"bug": f"{type(error).__name__}: {error}"}
