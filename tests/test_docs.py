"""What is written for people and for GitHub must say what the code says: tables, events, links, variables, examples."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bot.core.audit import PROOFS
from bot.core.command import render_table
from bot.core.config import Config, read
from bot.settings import BadSettings, Settings, introduced
from handlers import ROUTES
from sandbox.demo.main import EVENTS, PERMISSIONS
from sandbox.server import ROUTES as SANDBOX_ROUTES

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"), ROOT / "bot/core/README.md"])
UNASKED = {"ping", "installation", "installation_repositories", "check_suite"}
"""Events that every App gets without subscribing to them."""
NOT_SETTINGS = {"WEB_CONCURRENCY"}
"""Variables that gunicorn.conf.py reads."""
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
ROW = re.compile(r"^\| `([^`]+)`(?: or `([^`]+)`)?", re.MULTILINE)


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def block(path: str, name: str) -> str:
    """What stands between `<!-- name -->` and `<!-- /name -->`."""
    page = text(path)
    _, begin, rest = page.partition(f"<!-- {name} -->\n")
    inside, end, _ = rest.partition(f"<!-- /{name} -->")
    assert begin, f"{path} has no <!-- {name} -->"
    assert end, f"{path} has no <!-- /{name} -->"
    return inside


def section(path: str, title: str) -> str:
    """What stands below a heading of the second level, up to the next."""
    return text(path).split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_readme_shows_the_table_of_commands() -> None:
    assert block("README.md", "commands") == render_table()


def test_the_readme_names_the_proofs_in_order() -> None:
    rows = re.findall(r"^\| ([1-8]) \| ([^|]+) \|", section("README.md", "How it decides"), re.MULTILINE)
    assert rows == [(str(number), name) for number, (name, _) in enumerate(PROOFS, start=1)]


def test_the_app_subscribes_to_the_events_that_are_routed() -> None:
    routed = {name.partition(".")[0] for name in ROUTES} - UNASKED
    subscribed = yaml.safe_load(text("app.yml"))["default_events"]
    assert sorted(subscribed) == sorted(routed)


def test_the_demo_plays_the_app_of_app_yml() -> None:
    app = yaml.safe_load(text("app.yml"))
    assert app["default_events"] == EVENTS
    assert app["default_permissions"] == PERMISSIONS


def test_the_sandbox_lists_its_routes() -> None:
    written = [row[0] for row in ROW.findall(block("sandbox/README.md", "routes"))]
    assert written == [route.name for route in SANDBOX_ROUTES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_local_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(path), f"{page.name} links to {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


class Asked(dict[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: object = None) -> None:  # type: ignore[override]  # always empty
        self.names.add(name)


def variables() -> set[str]:
    """Every variable of the operator's environment."""
    env = Asked()
    introduced(env)
    with pytest.raises(BadSettings):
        Settings.from_env(env)
    return env.names


def test_operators_are_told_of_every_variable_and_of_no_other() -> None:
    rows = ROW.findall(section("docs/operating.md", "Environment"))
    assert {row[0] for row in rows} == variables() | NOT_SETTINGS


def test_the_readme_names_only_variables_that_are_read() -> None:
    rows = ROW.findall(section("README.md", "Running it for real").split("The others")[0])
    named = {word.rstrip("`, ") for row in rows for word in row if word}
    assert {"APP_ID", "PRIVATE_KEY", "WEBHOOK_SECRET", "MARKER_KEY"} <= named <= variables()


def test_the_example_configuration_reads_and_shows_the_defaults() -> None:
    example = read((ROOT / "examples/manifest-release.yml").read_bytes())
    assert example.build.repository is not None
    assert replace(example, build=replace(example.build, repository=None), lines={}) == Config()


def test_the_example_configuration_shows_every_key() -> None:
    example = yaml.safe_load(text("examples/manifest-release.yml"))
    for name, part in vars(Config()).items():
        assert name in example
        known = vars(part) if hasattr(part, "__dataclass_fields__") else {}
        assert set(known) == set(example[name] if known else ()), name
