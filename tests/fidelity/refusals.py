"""Repeats what was done as somebody who may not, about what is not there, and with a spoiled body: to be refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.api import BASE
from tests.fidelity.wire import Exchange
from tests.fidelity.world import Walk

SPOILED: tuple[Any, ...] = (["x", 1], {"x": 1}, 7, "no such word", None)
"""What is put where something else belongs. Whether it may stand there is for GitHub's description to say."""


def refuse(walk: Walk) -> None:
    """Each route's first success, again and again, never quite right."""
    firsts: dict[str, Exchange] = {}
    for each in walk.seen:
        if each.status < 400:
            firsts.setdefault(each.route, each)
    thin = walk.play.token(permissions={"metadata": "read"})
    stranger = walk.play.github.create_user("stranger").token
    for seen in firsts.values():
        url = seen.url.removeprefix(BASE)
        for token in ("ghp_none", stranger, thin, walk.play.jwt()):
            walk.play.ask(seen.route.split(" ")[0], url, token, seen.body)
        for elsewhere in _elsewhere(url):
            _again(walk, seen, elsewhere, seen.body)
        for body in _spoiled(seen.body):
            _again(walk, seen, url, body)


def _again(walk: Walk, seen: Exchange, url: str, body: Any) -> None:
    method = seen.route.split(" ")[0]
    tokens = [walk.play.jwt() if "/app" in seen.route or seen.route.endswith("/installation") else walk.app]
    for token in [*tokens, walk.play.github.user("octocat").token]:
        walk.play.ask(method, url, token, body)


def _elsewhere(url: str) -> Iterator[str]:
    """The same with another repository, and with another last word."""
    path, _, query = url.partition("?")
    if path.startswith("/repos/"):
        yield path.replace("coreos/", "coreos/no-", 1)
    head, _, last = path.rpartition("/")
    yield f"{head}/{'99999999' if last.isdigit() else '0' * 40}" + (f"?{query}" if query else "")
    if any(part.isdigit() for part in head.split("/")):
        yield "/".join("99999999" if part.isdigit() else part for part in path.split("/"))


def _spoiled(body: Any) -> Iterator[Any]:
    """Bodies with one field less, with one field wrong, and such as are no object."""
    if not isinstance(body, dict):
        return
    for name in body:
        yield {key: value for key, value in body.items() if key != name}
        for wrong in SPOILED:
            yield {**body, name: wrong}
        yield from ({**body, name: inner} for inner in _spoiled(body[name]))
    yield ["no", "object"]
