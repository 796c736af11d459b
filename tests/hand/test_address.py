"""Only addresses reach git as addresses: no option, no program, nothing in the clear beyond this machine."""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from bot.core.push import RefUpdate
from bot.hand import address
from bot.hand.clone import Clone
from bot.outage import Denied, Outage
from tests.git_server import CLEAN
from tests.hand.conftest import World

GOOD = [
    # given, shown, protocol, name
    ("https://github.com/coreos/manifest.git", None, "https", "manifest"),
    ("https://octocat:s3cret@example.com:8443/a/manifest", "https://example.com:8443/a/manifest", "https", "manifest"),
    ("https://token@example.com/manifest/", "https://example.com/manifest/", "https", "manifest"),
    ("ssh://git@example.com:29418/coreos/manifest", None, "ssh", "manifest"),
    ("ssh://[::1]/manifest.git", None, "ssh", "manifest"),
    ("git@github.com:coreos/manifest.git", None, "ssh", "manifest"),
    ("work_host:~me/manifest", None, "ssh", "manifest"),
    ("[::1]:manifest", None, "ssh", "manifest"),
    ("file:///srv/git/manifest.git", None, "file", "manifest"),
    ("http://127.0.0.1:8080/manifest", None, "http", "manifest"),
    ("http://localhost/manifest", None, "http", "manifest"),
    ("http://[::1]:80/manifest", None, "http", "manifest"),
    ("git://127.8.8.8/manifest", None, "git", "manifest"),
]
HOSTILE = [
    "",
    "-",
    "--upload-pack=touch trap",
    "-oProxyCommand=touch trap",
    "ext::sh -c 'touch trap'",
    "ext::touch% trap",
    "fd::17",
    "transport::https://example.com/x",
    "git-remote-ext::x",
    "ssh://-oProxyCommand=touch%20trap/x",
    "ssh://git@-oProxyCommand=trap/x",
    "ssh://git:password@example.com/x",
    "ssh://example.com:22/x;touch trap",
    "ssh://example.com/$(touch trap)",
    "git+ssh://example.com/x",
    "-oProxyCommand=trap:x",
    "git@-oProxyCommand=trap:x",
    "-git@example.com:x",
    "example.com:-x",
    "example.com::x",
    "example.com:x y",
    "example.com:`touch trap`",
    "http://example.com/manifest",
    "http://127.0.0.1.example.com/manifest",
    "http://127.0.0.1@example.com/manifest",
    "http://localhost.example.com/manifest",
    "git://example.com/manifest",
    "git://10.0.0.1/manifest",
    "https://example.com/a/../b",
    "https://example.com/a?b=c",
    "https://example.com/a#b",
    "https://example.com/a b",
    "https://exa\nmple.com/a",
    "https:///a",
    "https://a@b@c/d",
    "ftp://example.com/x",
    "rsync://example.com/x",
    "file://host/x",
    "C:\\manifest",
    "\x1b[2J",
    "https://example.com/\u202emanifest",
    "/no/such/folder",
    "no/such/folder",
    "manifest",
]


@pytest.mark.parametrize(("text", "shown", "protocol", "name"), GOOD, ids=[row[0] for row in GOOD])
def test_an_address_is_taken_as_it_is_and_shown_without_a_password(
    text: str, shown: str | None, protocol: str, name: str
) -> None:
    found = address.read(text)
    assert (found.given, found.shown, found.protocol, found.name) == (text, shown or text, protocol, name)
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_anything_else_is_refused_with_a_sentence_before_git_runs(text: str, tmp_path: Path) -> None:
    with pytest.raises(Denied) as refusal, Clone.open(text, tmp_path / "scratch"):
        pass
    assert "Give the folder of a clone, or an address" in refusal.value.reason
    assert not re.search("example|trap|password", refusal.value.reason)
    assert not (tmp_path / "scratch").exists()
    assert not Path("trap").exists()


def test_a_clone_whose_remote_is_hostile_is_refused_as_well(world: World, tmp_path: Path) -> None:
    folder = world.clone(tmp_path / "clone")
    for url in HOSTILE[1:]:
        for name in ("url", "pushurl"):
            folder.git("config", f"remote.origin.{name}", url)
            # What is no address may be a folder, which a remote may be; nothing there is run either.
            with suppress(Outage), pytest.raises(Denied), Clone.open(str(folder.path), tmp_path / "scratch") as clone:
                clone.push([RefUpdate("refs/heads/new", None, world.commits[0])])
            folder.git("config", "--unset", f"remote.origin.{name}")
            folder.git("config", "remote.origin.url", world.url)
    assert not list(tmp_path.rglob("trap"))
    assert "refs/heads/new" not in world.project.refs()


def test_the_rewriting_of_addresses_cannot_lead_to_a_program(world: World, tmp_path: Path) -> None:
    folder = world.clone(tmp_path / "clone")
    folder.git("config", f"url.ext::touch {tmp_path}/trap #.insteadOf", world.url)
    folder.git("config", "protocol.ext.allow", "always")
    with pytest.raises(Denied, match="run another program"), Clone.open(str(folder.path), tmp_path / "scratch"):
        pass
    folder.git("config", f"url.ext::touch {tmp_path}/trap #.insteadOf", str(world.project.path))
    folder.git("remote", "set-url", "origin", str(world.project.path.relative_to(tmp_path)).join(("../", "")))
    with Clone.open(str(folder.path), tmp_path / "scratch") as clone, pytest.raises(Denied, match="not allowed"):
        clone.refs()
    assert not (tmp_path / "trap").exists()


@given(st.text(alphabet=st.characters(min_codepoint=1, max_codepoint=0x2FF), max_size=30))
def test_what_is_read_never_begins_like_an_option_nor_names_a_program(text: str) -> None:
    try:
        found = address.read(text, "/srv")
    except Denied:
        return
    assert not found.given.startswith("-")
    assert "::" not in found.given.partition("/")[0].partition("[")[0]
    assert found.protocol in address.allowed([found]).split(":")


def test_a_folder_without_a_repository_or_with_one_that_cannot_serve_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    subprocess.run(["git", "init", "-q", "--object-format=sha256", tmp_path / "other"], env=CLEAN, check=True)
    world.clone(tmp_path / "shallow", "--depth=1")
    for name, words in (("empty", "no git repository"), ("other", "only SHA-1"), ("shallow", "git fetch --unshallow")):
        with pytest.raises(Denied, match=words), Clone.open(str(tmp_path / name), tmp_path / "scratch"):
            pass
