"""The place where everything passes that the sandbox answers, so that it can be made to fail on purpose.

Each REST call and each git request goes through `Faults` under a name: `POST /repos/{repo}/pulls`,
`git upload-pack`, `git receive-pack` (the look at the refs before either is `git upload-pack refs`,
`git receive-pack refs`). This class lets everything through; a switch that breaks what it is told to break takes its
place (`Sandbox(..., faults=...)`) without a change elsewhere. The methods run inside the request, so `flask.request`
tells who asks and what, and its environ holds the connection itself as `werkzeug.socket`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from flask import Response


class Faults:
    """No fault at all. Subclasses decide by the call's name and how often it was seen."""

    def before(self, call: str) -> Response | None:
        """An answer to give instead of doing anything, or None to go on."""
        return None

    def environment(self, call: str, folder: Path) -> Mapping[str, str]:
        """Settings of git's (`core.name`: value) for this call alone; `folder` is the bare repository."""
        return {}

    def during(self, call: str, process: subprocess.Popen[bytes]) -> None:
        """Git has begun to work on this call: the moment to kill it, with all that it has begun."""

    def after(self, call: str, response: Response) -> Response:
        """The answer to give once the effect has happened: as it is, or another, or none at all."""
        return response
