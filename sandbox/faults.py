"""The place where everything passes that the sandbox answers, so that it can be made to fail on purpose.

Each REST call and each git request goes through `Faults.before` and `Faults.after` under a name:
`POST /repos/{repo}/pulls`, `git upload-pack`, `git receive-pack`. This class lets everything through; a switch
that breaks what it is told to break takes its place without a change elsewhere.
"""

from __future__ import annotations

from flask import Response


class Faults:
    """No fault at all. Subclasses decide by the call's name and how often it was seen."""

    def before(self, call: str) -> Response | None:
        """An answer to give instead of doing anything, or None to go on."""
        return None

    def after(self, call: str, response: Response) -> Response:
        """The answer to give once the effect has happened: as it is, or another, or none at all."""
        return response
