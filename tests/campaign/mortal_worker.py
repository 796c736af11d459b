"""A worker that dies by SIGKILL at chosen boundaries of its steps, and notes the boundaries that it passes.

The file that MORTAL names lists where it has still to die, one `Intent/step:moment` a line; the worker strikes a line
out and dies. The moments: `before` the step begins, `unrecorded` when the step has had its effect but that is not
recorded yet, `after` it was recorded. The file that PASSED names collects every boundary.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.core.intent import Intent
from bot.flows.desk import Desk
from bot.flows.outcome import Outcome, Steps
from bot.flows.table import carry_out
from bot.logs import configure
from bot.settings import Settings
from bot.worker import Worker

MOMENTS = ("before", "unrecorded", "after")
_guard = threading.Lock()


class Mortal:
    """Steps that may be the last."""

    def __init__(self, inner: Steps, flow: str, list_: Path, passed: Path) -> None:
        self._inner = inner
        self._flow = flow
        self._list = list_
        self._passed = passed

    def run(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        """See `Steps`."""
        boundary = f"{self._flow}/{name}"
        with _guard, self._passed.open("a") as file:
            file.write(boundary + "\n")

        def carried(*given: Any) -> Any:
            result = fn(*given)
            self._perhaps_die(f"{boundary}:unrecorded")
            return result

        self._perhaps_die(f"{boundary}:before")
        result = self._inner.run(name, carried, *args)
        self._perhaps_die(f"{boundary}:after")
        return result

    def _perhaps_die(self, here: str) -> None:
        with _guard:
            lines = self._list.read_text().splitlines()
            if here not in lines:
                return
            lines.remove(here)
            self._list.write_text("".join(f"{line}\n" for line in lines))
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run until killed."""
    settings = Settings.from_env(os.environ)
    configure(settings.log_level)
    list_, passed = Path(os.environ["MORTAL"]), Path(os.environ["PASSED"])

    def mortal(desk: Desk, intent: Intent, steps: Steps) -> Outcome:
        return carry_out(desk, intent, Mortal(steps, type(intent).__name__, list_, passed))

    Worker(settings, mortal).run()


if __name__ == "__main__":
    main()
