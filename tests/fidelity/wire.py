"""Keeps all that goes over the wire of a stand-in GitHub: it sits where every call passes, and changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from sandbox.faults import Faults


@dataclass(frozen=True)
class Exchange:
    """One REST call and its answer. `body` and `answer` are None where there was none."""

    route: str
    url: str
    path: dict[str, Any]
    query: tuple[tuple[str, str], ...]
    body: Any
    status: int
    answer: Any
    headers: dict[str, str]
    by: str

    @property
    def is_app(self) -> bool:
        """Whether an App asked, as itself or for an installation."""
        return self.by == "App"


class Recorder(Faults):
    """Lets everything through and keeps it; git's own requests are no business of its."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def after(self, call: str, response: Response) -> Response:
        """Keep the call and its answer."""
        if not call.startswith("git "):
            self.exchanges.append(_seen(call, response))
        return response


def _seen(call: str, response: Response) -> Exchange:
    credentials = request.headers.get("Authorization", "").rpartition(" ")[2]
    return Exchange(
        route=call,
        url=request.full_path.rstrip("?"),
        path=dict(request.view_args or {}),
        query=tuple(request.args.items(multi=True)),
        body=_json(request.get_data()),
        status=response.status_code,
        answer=_json(response.get_data()),
        headers=dict(response.headers),
        by="App" if credentials.startswith("ghs_") or credentials.count(".") == 2 else "somebody",
    )


def _json(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data
