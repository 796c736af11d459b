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
from werkzeug.http import http_date

from sandbox import bodies
from sandbox.auth import UNREADABLE, Caller, Refused, caller, require
from sandbox.state import Repository

if TYPE_CHECKING:
    from sandbox.server import Sandbox

BASE = "/api/v3"
DOCS = "https://docs.github.com/rest"
EITHER = "issues|pull_requests"
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


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

    def given(self, name: str, default: str = "") -> str:
        """A text of the body that may be missing or null."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, str):
            raise Refused(422, f"Invalid request.\n\nFor 'properties/{name}', {value!r} is not a string.")
        return default if value is None else value

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the address."""
        return request.args.get(name, default)


class Moved(Exception):
    """The repository has another name now."""

    def __init__(self, name: str, repository: int) -> None:
        super().__init__(name)
        self.name = name
        self.repository = repository


@dataclass(frozen=True)
class Page:
    """A list that is answered page by page; `key` where GitHub wraps it in an object.

    With `show`, the items are written only when their page is asked for.
    """

    items: Sequence[Any]
    key: str | None = None
    show: Callable[[Any], Any] | None = None


Answer = Any
"""JSON, a Page, None (204), (status, JSON), or a whole Response."""


@dataclass(frozen=True)
class Route:
    """One address. `needs` is "permission:level" on repositories ("a|b:level" where either will do), "app" for JWTs,
    "token" for installations, or "".
    """

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
        flask.add_url_rule(f"{BASE}/<path:rest>", "api.unknown", self._unknown, methods=METHODS)

    def _view(self, route: Route) -> Callable[..., Response]:
        def view(**parameters: Any) -> Response:
            faults, began, who = self._sandbox.faults, time.monotonic(), Caller()
            answer = faults.before(route.name)
            if answer is None:
                with self._sandbox.world.lock:
                    done, who = self._answer(route, parameters)
                answer = faults.after(route.name, done)
            self._sandbox.log_request(route.name, request.path, answer.status_code, who, time.monotonic() - began)
            return answer

        return view

    def _answer(self, route: Route, parameters: dict[str, Any]) -> tuple[Response, Caller]:
        who = Caller()
        try:
            who = caller(self._sandbox.world, request)
            if route.path != "/rate_limit":
                self._sandbox.limits.admit(who, route.method != "GET" and "{repo}" in route.path)
            call = self._call(route, who, parameters)
            if route.method != "GET":
                bodies.check(route.name, call.body)
            answer = _response(route.handler(call))
        except Refused as refused:
            answer = _refusal(refused)
        except Moved as moved:
            answer = self._redirect(moved)
        self._sandbox.limits.stamp(answer, who)
        self._headers(answer)
        return answer, who

    def _call(self, route: Route, who: Caller, parameters: dict[str, Any]) -> Call:
        if route.needs == "app" and who.app is None:
            raise Refused(401, UNREADABLE)
        if route.needs == "token" and who.token is None:
            raise Refused(403, "Resource not accessible by personal access token" if who.user else "Forbidden")
        if "{repo}" not in route.path:
            return Call(self._sandbox, who, parameters)
        repository = self._repository(parameters)
        if route.needs != "app":
            permission, level = route.needs.split(":")
            require(who, repository, _of_what_it_is(repository, permission, parameters), level)
        return Call(self._sandbox, who, parameters, repository)

    def _repository(self, parameters: dict[str, Any]) -> Repository:
        world = self._sandbox.world
        if "repository_id" in parameters:
            found = world.repositories.get(parameters.pop("repository_id"))
        else:
            name = f"{parameters.pop('owner')}/{parameters.pop('repository_name')}"
            found = world.repository(name)
            if found is None and name.lower() in world.former_names:
                raise Moved(name, world.former_names[name.lower()])
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def _redirect(self, moved: Moved) -> Response:
        rest = request.full_path.removeprefix(f"{BASE}/repos/{moved.name}").rstrip("?")
        url = f"{self._sandbox.api_url}/repositories/{moved.repository}{rest}"
        body = {"message": "Moved Permanently", "url": url, "documentation_url": DOCS}
        answer = make_response(jsonify(body), 301 if request.method == "GET" else 307)
        answer.headers["Location"] = url
        return answer

    def _headers(self, answer: Response) -> None:
        answer.headers["Date"] = http_date(self._sandbox.world.now())
        answer.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        answer.headers["X-GitHub-Request-Id"] = f"{self._sandbox.world.next_request():04X}:SANDBOX"

    def _unknown(self, rest: str) -> Response:
        self._sandbox.log_request(f"{request.method} (unknown)", request.path, 404, Caller(), 0.0)
        return _refusal(Refused(404, "Not Found"))


def _of_what_it_is(repository: Repository, permission: str, parameters: dict[str, Any]) -> str:
    """A conversation that is no pull request is the matter of `issues` alone."""
    if permission != EITHER:
        return permission
    spoken = repository.comment(parameters.get("comment_id", 0))
    issue = spoken[0] if spoken else repository.issues.get(parameters.get("number", 0))
    return "issues" if issue is not None and issue.pull is None else permission


def _forms(path: str) -> list[str]:
    """The addresses of a route: `{repo}` stands for both of GitHub's ways to name a repository."""
    if "{repo}" not in path:
        return [path]
    rest = path.removeprefix("/repos/{repo}")
    return [f"/repos/<owner>/<repository_name>{rest}", f"/repositories/<int:repository_id>{rest}"]


def _response(answer: Answer) -> Response:
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, Page):
        return _page(answer)
    status, body = answer if isinstance(answer, tuple) else (204 if answer is None else 200, answer)
    return make_response("" if body is None else jsonify(body), status)


def _page(page: Page) -> Response:
    size = min(100, max(1, _number("per_page", 30)))
    number = max(1, _number("page", 1))
    shown = list(page.items[(number - 1) * size : number * size])
    if page.show is not None:
        shown = [page.show(item) for item in shown]
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
    answer = make_response(jsonify(body), refused.status)
    answer.headers.update(refused.headers)
    return answer
