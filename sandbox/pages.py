"""The few pages that printed links lead to: an issue, a pull request, a run; plain, escaped, enough to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, abort, render_template_string

from sandbox.state import Repository

if TYPE_CHECKING:
    from sandbox.server import Sandbox

LAYOUT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{{ title }}</title>
<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}
pre{white-space:pre-wrap;background:#f4f4f4;padding:1rem;border-radius:6px}</style>
<h1>{{ title }}</h1>{% for head, text in parts %}<h2>{{ head }}</h2><pre>{{ text }}</pre>{% endfor %}</html>"""


def register(sandbox: Sandbox, flask: Flask) -> None:
    """Add the pages to the server."""

    def repository(owner: str, name: str) -> Repository:
        found = sandbox.world.repository(f"{owner}/{name}")
        return found if found is not None else abort(404)

    def page(title: str, parts: list[tuple[str, str]]) -> str:
        return render_template_string(LAYOUT, title=title, parts=parts)

    def front(owner: str, name: str) -> str:
        found = repository(owner, name)
        refs = "\n".join(f"{value[:12]}  {ref}" for ref, value in sorted(found.git.refs().items()))
        talk = "\n".join(f"#{number} {issue.title} ({issue.state})" for number, issue in found.issues.items())
        return page(found.full_name, [("Refs", refs), ("Issues and pull requests", talk)])

    def issue(owner: str, name: str, number: int) -> str:
        found = repository(owner, name).issues.get(number)
        if found is None:
            abort(404)
        talk = [(f"{each.user.login}, {each.created_at:%H:%M:%S}", each.body) for each in found.comments]
        return page(f"#{number} {found.title}", [(f"{found.user.login} ({found.state})", found.body), *talk])

    def run(owner: str, name: str, run_id: int) -> str:
        found = next((each for each in repository(owner, name).runs if each.id == run_id), None)
        if found is None:
            abort(404)
        jobs = "\n".join(f"{job.name}: {job.conclusion or job.status}" for job in found.jobs)
        return page(found.name, [(f"{found.workflow}: {found.conclusion or found.status}", jobs)])

    flask.add_url_rule("/<owner>/<name>", "page.front", front)
    flask.add_url_rule("/<owner>/<name>/issues/<int:number>", "page.issue", issue)
    flask.add_url_rule("/<owner>/<name>/pull/<int:number>", "page.pull", issue)
    flask.add_url_rule("/<owner>/<name>/actions/runs/<int:run_id>", "page.run", run)
