"""A worker process whose flow is three steps that can be held up: `python -m tests.engine.player NAME FOLDER`.

What each step did is a line in the file `told` of the folder; a step goes on while no file `hold` is there.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from bot.core.intent import Intent, Publish
from bot.flows.desk import Desk
from bot.flows.outcome import Outcome, Steps
from bot.logs import configure
from bot.outage import Outage
from bot.settings import Settings
from bot.worker import Worker

STEPS = ("one", "two", "three")


class Player:
    """The flow, and its diary."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder

    def carry_out(self, desk: Desk, intent: Intent, steps: Steps) -> Outcome:
        """Three steps, each of which tells what it got from the one before; what is no release is done at once."""
        if not isinstance(intent, Publish):
            return Outcome("done")
        got = ""
        for step in STEPS:
            got = steps.run(step, self.play, intent.pull, step, got)
        return Outcome("done", got)

    def play(self, pull: int, step: str, got: str) -> str:
        """One step."""
        self.tell(f"{pull} {step} begins")
        while (self.folder / f"hold-{step}").exists():
            time.sleep(0.01)
        self.tell(f"{pull} {step} ends")
        return f"{got} {step}".strip()

    def tell(self, words: str) -> None:
        """One line, whole, from whichever process."""
        diary = os.open(self.folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(diary, f"{self.name} {words}\n".encode())
        os.close(diary)


def main(name: str, folder: Path) -> int:
    """Work until told to end."""
    settings = Settings.from_env(os.environ)
    configure(settings.log_level)
    try:
        Worker(settings, Player(name, folder).carry_out).run()
    except Outage as outage:
        sys.stderr.write(f"{outage}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
