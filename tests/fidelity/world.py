"""A small world whose traffic is kept, and the people and the App who make it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.webhooks import Delivery
from tests.fidelity.wire import Exchange, Recorder
from tests.sandbox.play import Play


class Walk:
    """One world, and what was said in it. Answers are not judged here."""

    def __init__(self, folder: Path) -> None:
        self.recorder = Recorder()
        self.play = Play(folder, self.recorder)
        self.play.app.events += ("issues",)
        self.play.github.limits.lift()
        self.app = self.play.token()

    @property
    def seen(self) -> list[Exchange]:
        """Every call so far."""
        return self.recorder.exchanges

    @property
    def deliveries(self) -> list[Delivery]:
        """Every webhook so far."""
        return self.play.github.deliveries

    def close(self) -> None:
        """End the world."""
        self.play.close()

    def as_(self, login: str, method: str, path: str, body: Any = None) -> Any:
        """What a person does; the answer."""
        return self._did(method, path, self.play.github.user(login).token, body)

    def bot(self, method: str, path: str, body: Any = None) -> Any:
        """What the App does with an installation's token; the answer."""
        return self._did(method, path, self.app, body)

    def jwt(self, method: str, path: str, body: Any = None) -> Any:
        """What the App does as itself; the answer."""
        return self._did(method, path, self.play.jwt(), body)

    def _did(self, method: str, path: str, token: str, body: Any) -> Any:
        status, answer = self.play.ask(method, path, token, body)
        assert status < 400, (method, path, status, answer)
        return answer
