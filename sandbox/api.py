"""How a REST request becomes an answer: one table of routes, rights checked in one place, faults in one place.

A route is data: method, path, what it needs, and a function from a Call to JSON. Repository routes answer under
/repos/OWNER/NAME and under /repositories/ID, as GitHub's do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, make_response, request

from sandbox.auth import Caller, Refused, caller, require
from sandbox.state import Repository

if TYPE_CHECKING:
    from sandbox.server import Sandbox

BASE = "/api/v3"
DOCS = "https://docs.github.com/rest"
HOURLY = 5000


@dataclass
class Call:
    """One request as a route sees it: who, where, with what. `repository` is set on repository routes only."""

    sandbox: Sandbox
    who: Caller
    parameters: dict[str, Any]
    repository: Repository | None = None

    @property
    def repo(self) -> Repository:
        """The repository of a repository route."""
        assert self.repository is not None
        return self.repository

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object that came with it."""
        data = request.get_json(silent=True, force=True) if request.get_data() else {}
        if not isinstance(data, dict):
            raise Refused(400, "Problems parsing JSON")
        return data

    def need(self, name: str, kind: type = str) -> Any:
        """A field of the body that must be there."""
        value = self.body.get(name)
        if not isinstance(value, kind) or value == "":
            raise Refused(422, "Validation Failed", [{"resource": "Request", "field": name, "code": "missing_field"}])
        return value

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the address."""
        return request.args.get(name, default)


@dataclass(frozen=True)
class Page:
    """A list that is answered page by page; `key` where GitHub wraps it in an object."""

    items: Sequence[Any]
    key: str | None = None


Answer = Any
"""JSON, a Page, None (204), or (status, JSON)."""


@dataclass(frozen=True)
class Route:
    """One address. `needs` is "permission:level" on repositories, "app" for JWTs, "token" for installations, or ""."""

    method: str
    path: str
    needs: str
    handler: Callable[[Call], Answer]

    @property
    def name(self) -> str:
        """What the request log and the faults call it."""
        return f"{self.method} {self.path}"


class Api:
    """Serves a table of routes on a Flask app."""

    def __init__(self, sandbox: Sandbox, flask: Flask, routes: Sequence[Route]) -> None:
        self._sandbox = sandbox
        for number, route in enumerate(routes):
            for form, path in enumerate(_forms(route.path)):
                view = self._view(route)
                flask.add_url_rule(BASE + path, f"api{number}.{form}", view, methods=[route.method])
        flask.add_url_rule(
            f"{BASE}/<path:rest>", "api.unknown", self._unknown, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]
        )

    def _view(self, route: Route) -> Callable[..., Response]:
        def view(**parameters: Any) -> Response:
            broken = self._sandbox.faults.before(route.name)
            if broken is not None:
                return broken
            return self._sandbox.faults.after(route.name, self._answer(route, parameters))

        return view

    def _answer(self, route: Route, parameters: dict[str, Any]) -> Response:
        began = time.monotonic()
        who = Caller()
        try:
            with self._sandbox.world.lock:
                who = caller(self._sandbox.world, request)
                answer = _response(route.handler(self._call(route, who, parameters)))
        except Refused as refused:
            answer = _refusal(refused)
        self._sandbox.log_request(route.name, request.path, answer.status_code, who.kind, time.monotonic() - began)
        self._limits(answer, who)
        return answer

    def _call(self, route: Route, who: Caller, parameters: dict[str, Any]) -> Call:
        if route.needs in ("app", "token"):
            if (who.app if route.needs == "app" else who.token) is None:
                raise Refused(
                    401, "A JSON web token could not be decoded" if route.needs == "app" else "Bad credentials"
                )
            return Call(self._sandbox, who, parameters)
        if not route.needs:
            return Call(self._sandbox, who, parameters)
        repository = self._repository(parameters)
        require(who, repository, *route.needs.split(":"))
        return Call(self._sandbox, who, parameters, repository)

    def _repository(self, parameters: dict[str, Any]) -> Repository:
        world = self._sandbox.world
        if "repository_id" in parameters:
            found = world.repositories.get(parameters.pop("repository_id"))
        else:
            found = world.repository(f"{parameters.pop('owner')}/{parameters.pop('repository_name')}")
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def _limits(self, answer: Response, who: Caller) -> None:
        left = self._sandbox.count_against_limit(who)
        answer.headers["X-RateLimit-Limit"] = str(HOURLY)
        answer.headers["X-RateLimit-Remaining"] = str(max(0, HOURLY - left))
        answer.headers["X-RateLimit-Used"] = str(left)
        answer.headers["X-RateLimit-Reset"] = str(int(self._sandbox.world.now().timestamp()) + 3600)
        answer.headers["X-RateLimit-Resource"] = "core"
        answer.headers["X-GitHub-Media-Type"] = "github.v3; format=json"

    def _unknown(self, rest: str) -> Response:
        self._sandbox.log_request(f"{request.method} (unknown)", request.path, 404, "", 0.0)
        return _refusal(Refused(404, "Not Found"))


def _forms(path: str) -> list[str]:
    """The addresses of a route: `{repo}` stands for both of GitHub's ways to name a repository."""
    if "{repo}" not in path:
        return [path]
    rest = path.removeprefix("/repos/{repo}")
    return [f"/repos/<owner>/<repository_name>{rest}", f"/repositories/<int:repository_id>{rest}"]


def _response(answer: Answer) -> Response:
    if isinstance(answer, Page):
        return _page(answer)
    status, body = answer if isinstance(answer, tuple) else (204 if answer is None else 200, answer)
    return make_response("" if body is None else jsonify(body), status)


def _page(page: Page) -> Response:
    size = min(100, max(1, _number("per_page", 30)))
    number = max(1, _number("page", 1))
    shown = list(page.items[(number - 1) * size : number * size])
    body = shown if page.key is None else {"total_count": len(page.items), page.key: shown}
    response = make_response(jsonify(body), 200)
    last = max(1, -(-len(page.items) // size))
    links = []
    if number < last:
        links += [_link(number + 1, "next"), _link(last, "last")]
    if number > 1:
        links += [_link(number - 1, "prev"), _link(1, "first")]
    if links:
        response.headers["Link"] = ", ".join(links)
    return response


def _link(page: int, relation: str) -> str:
    query = urlencode({**request.args.to_dict(), "page": page})
    return f'<{request.base_url}?{query}>; rel="{relation}"'


def _number(name: str, default: int) -> int:
    try:
        return int(request.args.get(name, default))
    except ValueError:
        return default


def _refusal(refused: Refused) -> Response:
    body: dict[str, Any] = {"message": refused.message, "documentation_url": DOCS, "status": str(refused.status)}
    if refused.errors:
        body["errors"] = refused.errors
    return make_response(jsonify(body), refused.status)
