"""The few pages that printed links lead to: an issue, a pull request, a run, a comparison; plain, escaped, linked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Flask, abort, render_template_string

from sandbox.state import Issue, Repository

if TYPE_CHECKING:
    from sandbox.server import Sandbox

LAYOUT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{{ title }}</title>
<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
pre{white-space:pre-wrap;border:1px solid #8888;padding:1rem;border-radius:6px}</style>
<p><a href="/">all repositories</a></p><h1>{{ title }}</h1>
{% for words, address in links %}<p><a href="{{ address }}">{{ words }}</a></p>{% endfor %}
{% for head, text in parts %}<h2>{{ head }}</h2><pre>{{ text }}</pre>{% endfor %}</html>"""
HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
Parts = Sequence[tuple[str, str]]


def register(sandbox: Sandbox, flask: Flask) -> None:
    """Add the pages to the server."""
    pages = Pages(sandbox)
    flask.add_url_rule("/", "page.all", pages.every)
    flask.add_url_rule("/<owner>/<name>", "page.front", pages.front)
    flask.add_url_rule("/<owner>/<name>/issues/<int:number>", "page.issue", pages.issue)
    flask.add_url_rule("/<owner>/<name>/pull/<int:number>", "page.pull", pages.issue)
    flask.add_url_rule("/<owner>/<name>/actions/runs/<int:run_id>", "page.run", pages.run)
    flask.add_url_rule("/<owner>/<name>/actions/runs/<int:run_id>/job/<int:job>", "page.job", pages.run)
    flask.add_url_rule("/<owner>/<name>/compare/<path:ends>", "page.compare", pages.compare)


class Pages:
    """Shows what the sandbox knows; nothing can be changed here."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def every(self) -> str:
        """All repositories."""
        names = [each.full_name for each in self._sandbox.world.repositories.values()]
        return _page("Repositories", (), [(name, f"/{name}") for name in sorted(names)])

    def front(self, owner: str, name: str) -> str:
        """One repository: its refs, its issues and pull requests, its runs."""
        found = self._repository(owner, name)
        refs = "\n".join(f"{value[:12]}  {ref}" for ref, value in sorted(found.git.refs().items()))
        base = f"/{found.full_name}"
        links = [
            (f"#{number} {issue.title} ({state(issue)})", f"{base}/{'pull' if issue.pull else 'issues'}/{number}")
            for number, issue in found.issues.items()
        ]
        links += [
            (f"run {run.name} ({run.conclusion or run.status})", f"{base}/actions/runs/{run.id}") for run in found.runs
        ]
        return _page(found.full_name, [("Refs", refs)], links)

    def issue(self, owner: str, name: str, number: int) -> str:
        """An issue or pull request with its comments."""
        found = self._repository(owner, name).issues.get(number)
        if found is None:
            abort(404)
        talk = [(f"{each.user.login}, {each.created_at:%H:%M:%S}", each.body) for each in found.comments]
        return _page(f"#{number} {found.title}", [(f"{found.user.login} ({state(found)})", found.body), *talk])

    def run(self, owner: str, name: str, run_id: int, job: int = 0) -> str:
        """A run with its jobs."""
        found = next((each for each in self._repository(owner, name).runs if each.id == run_id), None)
        if found is None:
            abort(404)
        jobs = "\n".join(f"{each.name}: {each.conclusion or each.status}" for each in found.jobs)
        return _page(found.name, [(f"{found.workflow}: {found.conclusion or found.status}", jobs)])

    def compare(self, owner: str, name: str, ends: str) -> str:
        """The commits that the second end has and the first has not."""
        git = self._repository(owner, name).git
        old, new = (git.resolve(end) for end in (*ends.split("..."), "")[:2])
        if old is None or new is None:
            abort(404)
        return _page(f"{old[:7]} … {new[:7]}", [("Commits", git.run("log", "--format=%h %s", f"{old}..{new}"))])

    def _repository(self, owner: str, name: str) -> Repository:
        found = self._sandbox.world.repository(f"{owner}/{name}")
        return found if found is not None else abort(404)


def state(issue: Issue) -> str:
    """open, closed or merged."""
    return "merged" if issue.pull and issue.pull.merged_at else issue.state


def _page(title: str, parts: Parts, links: Parts = ()) -> str:
    shown = [(head, HIDDEN.sub("", text).strip()) for head, text in parts]
    return render_template_string(LAYOUT, title=title, parts=shown, links=links)
