"""Tokens for reading projects: private ones of the manifest repository's own installation, and no others."""

from __future__ import annotations

from pathlib import Path

from bot.core.fetch_policy import FetchPolicy
from bot.remotes import Heads, Query, Remotes, Unreadable
from tests.gh.world import World

MASTER = "refs/heads/master"


def url(world: World, name: str) -> str:
    return f"{world.sandbox.url}/coreos/{name}"


def test_only_private_projects_that_the_installation_has_get_a_token(world: World) -> None:
    urls = [url(world, name) for name in ("etcd", "secret", "elsewhere", "no-such")]
    tokens = world.hub.project_tokens(world.id, urls)
    assert list(tokens) == [url(world, "secret")]
    assert tokens[url(world, "secret")] not in repr(world.hub)


def test_the_token_opens_that_project_and_no_other(world: World, tmp_path: Path) -> None:
    tokens = world.hub.project_tokens(world.id, [url(world, "secret")])
    stolen = {url(world, "elsewhere"): tokens[url(world, "secret")], **tokens}
    queries = [Query(name, url(world, name), (MASTER,)) for name in ("etcd", "secret", "elsewhere")]
    with Remotes(FetchPolicy(origin=world.sandbox.url), tmp_path, sleep=lambda _: None) as remotes:
        without = remotes.heads(queries)
        found = remotes.heads(queries, tokens=stolen)
    assert [type(without[query]) for query in queries] == [Heads, Unreadable, Unreadable]
    assert [type(found[query]) for query in queries] == [Heads, Heads, Unreadable]


def test_without_addresses_nobody_is_asked(world: World) -> None:
    assert world.hub.project_tokens(world.id, []) == {}
    assert world.requests() == []


def test_the_name_in_an_address_counts_whatever_its_case_and_ending(world: World) -> None:
    odd = f"{world.sandbox.url}/CoreOS/Secret.git"
    assert list(world.hub.project_tokens(world.id, [odd])) == [odd]
