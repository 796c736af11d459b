"""Reads the environment one variable at a time and gathers what is wrong, so that all of it is seen at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from bot.settings.secret import Secret

T = TypeVar("T")


class Reader:
    """Reads one variable at a time and gathers what is wrong, so that the operator sees all of it at once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.faults: list[str] = []
        self.warnings: list[str] = []

    def get(self, name: str) -> str | None:
        """The variable, or None where it is unset or empty."""
        return self._env.get(name) or None

    def read(self, name: str, convert: Callable[[str], T], default: T) -> T:
        """The variable as `convert` makes of it; a ValueError's sentence becomes a fault."""
        text = self.get(name)
        if text is None:
            return default
        try:
            return convert(text)
        except ValueError as error:
            self.faults.append(f"{name} {error}.")
            return default

    def need(self, name: str, convert: Callable[[str], T], default: T, what: str) -> T:
        """The same for a variable that must be set; `what` says what it is."""
        if self.get(name) is None:
            self.faults.append(f"{name} is not set: {what}.")
            return default
        return self.read(name, convert, default)

    def secret(self, name: str, least: int) -> Callable[[str], Secret]:
        """A converter for secrets: at least so many characters; the line end that files leave behind is dropped."""

        def convert(text: str) -> Secret:
            if text.endswith("\n"):
                text = text[:-1]
                self.warnings.append(f"{name} ended with a line end, which was dropped.")
            if len(text) < least:
                raise ValueError(f"is too short: a secret of {least} or more random characters is needed")
            return Secret(text)

        return convert
