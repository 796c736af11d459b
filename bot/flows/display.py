"""Writes that only inform: labels, checks, comments. They may fail; a release never waits for them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from bot.outage import Denied, Outage

log = logging.getLogger(__name__)
T = TypeVar("T")


def show(write: Callable[[], T]) -> T | None:
    """Do it, and log what stood in the way. `reconcile` and the next step of the flow show it again."""
    try:
        return write()
    except (Denied, Outage) as fault:
        log.warning("not shown: %s", fault)
        return None
