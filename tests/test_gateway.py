"""Git is started with nothing but what it needs, is ended when it takes too long, and tells nobody the token."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.refs import RepositoryUrl
from bot.gateway import Gateway, GitFailed, environment
from bot.mirror import Mirrors
from bot.outage import Outage
from tests.git_server import FILES, Asked, GitServer, Reply, git_server

TOKEN = "ghs_a0canary0token0that0nobody0may0see"
BASIC = "eC1hY2Nlc3MtdG9rZW46Z2hzX2EwY2FuYXJ5MHRva2VuMHRoYXQwbm9ib2R5MG1heTBzZWU="


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as running:
        running.project("manifest").commit(FILES)
        yield running


def gateway(folder: Path, url: str = "https://github.com/o/r", **options: float) -> Gateway:
    return Gateway(folder, url, TOKEN, True, **options)  # type: ignore[arg-type]  # limit is a float, most an int


HOSTILE = """
import sys
from pathlib import Path
from bot.mirror import Mirrors, RefUpdate
from bot.core.tree import Entry
with Mirrors(Path(sys.argv[1]), True).open(7, sys.argv[2], None) as mirror:
    refs = mirror.refs()
    mirror.fetch(refs)
    commit = refs["refs/heads/master"]
    print(mirror.write_tree(commit, {"new": Entry("100644", b"x")}))
    print(mirror.push([RefUpdate("refs/heads/topic", None, commit)]).ok)
"""


def test_the_environment_and_the_home_of_the_operator_do_not_reach_git(server: GitServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    trap, trace = tmp_path / "trap", tmp_path / "trace"
    (home / ".netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    (home / ".netrc").chmod(0o600)
    (home / ".gitconfig").write_text(f"[core]\n\thooksPath = {home}/hooks\n[http]\n\tproxy = http://127.0.0.1:1\n")
    (home / "hooks").mkdir()
    for name in ("pre-push", "reference-transaction", "post-index-change"):
        (home / "hooks" / name).write_text(f"#!/bin/sh\ntouch {trap}\n")
        (home / "hooks" / name).chmod(0o755)
    hostile = {
        "GIT_DIR": str(tmp_path / "elsewhere"),
        "GIT_WORK_TREE": str(tmp_path),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "objects"),
        "GIT_TRACE": str(trace),
        "GIT_TRACE_CURL": str(trace),
        "GIT_TRACE2": str(trace),
        "GIT_CONFIG_PARAMETERS": "'http.proxy'='http://127.0.0.1:1'",
        "GIT_CONFIG_COUNT": "99",
        "GIT_NAMESPACE": "elsewhere",
        "GIT_EXEC_PATH": str(tmp_path),
        "GIT_DEFAULT_HASH": "sha256",
        "GIT_SSL_NO_VERIFY": "1",
        "GIT_TEMPLATE_DIR": str(home),
        "LANG": "de_DE.UTF-8",
    }
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, str(tmp_path / "mirrors"), server.url("manifest")],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "PYTHONPATH": ".", **hostile},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout.endswith("True\n"), done.stderr
    assert not trap.exists()
    assert "ls-remote" not in trace.read_text()  # GitPython asked for git's version when it was imported
    assert not [asked for asked in server.asked if "authorization" in asked.headers]


SHOW = """
import sys
from pathlib import Path
from bot.gateway import Gateway
from bot.outage import Outage
try:
    with Gateway(Path(sys.argv[1]), "https://github.com/o/r", None, False) as git:
        print(git.run("-c", "alias.environs=!env", "environs").decode())
except Outage as outage:
    print(outage.reason)
"""


def shown(folder: Path, **environment: str) -> str:
    command = [sys.executable, "-c", SHOW, str(folder)]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_git_sees_no_variable_but_those_it_needs(tmp_path: Path) -> None:
    kept = {"PATH": os.environ["PATH"], "https_proxy": "http://proxy.example.com", "SSL_CERT_FILE": "/etc/certs"}
    out = shown(tmp_path, WEBHOOK_SECRET="canary", HOME="/root", PYTHONPATH=".", LD_PRELOAD="", **kept)
    seen = dict(line.partition("=")[::2] for line in out.splitlines() if "=" in line)
    assert kept.items() <= seen.items() | {("PATH", kept["PATH"])}
    ours = {name for name in seen if not name.startswith("GIT_")} - kept.keys()
    assert ours <= {"PWD", "HOME", "LANGUAGE", "LC_ALL", "SHLVL", "_", "OLDPWD"}
    assert (seen["HOME"], seen["GIT_TERMINAL_PROMPT"]) == (os.devnull, "0")


def test_only_https_may_be_spoken_unless_the_hub_is_a_sandbox() -> None:
    url = RepositoryUrl("https://github.com/o/r")
    assert environment(url, None, allow_http=False)["GIT_ALLOW_PROTOCOL"] == "https"
    assert environment(url, None, allow_http=True)["GIT_ALLOW_PROTOCOL"] == "https:http"


def test_the_token_is_sent_to_its_address_and_to_no_other(server: GitServer, tmp_path: Path) -> None:
    server.root.joinpath("other.git").symlink_to(server.root / "manifest.git")
    with gateway(tmp_path, server.url("manifest")) as git:
        git.run("ls-remote", "--", server.url("manifest"))
        assert {asked.headers.get("authorization") for asked in server.asked} == {f"Basic {BASIC}"}
        server.asked.clear()
        git.run("ls-remote", "--", server.url("other"))
    assert {asked.headers.get("authorization") for asked in server.asked} == {None}


def test_the_token_is_in_no_command_line_no_file_and_no_message(server: GitServer, tmp_path: Path) -> None:
    lines: set[bytes] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    lines.add(path.read_bytes())
                except OSError:
                    continue

    def echo(asked: Asked) -> Reply:
        time.sleep(0.05)
        return Reply(500, f"you sent {TOKEN} and {BASIC}\n".encode(), {"Content-Type": "text/plain"})

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        with Mirrors(tmp_path / "mirrors", allow_http=True).open(7, server.url("manifest"), TOKEN) as mirror:
            mirror.fetch(mirror.refs())
            server.rules.append(echo)
            with pytest.raises(Outage) as outage:
                mirror.refs()
        with gateway(tmp_path / "mirrors" / "7.git", server.url("manifest")) as git, pytest.raises(GitFailed) as failed:
            git.run("ls-remote", "--", server.url("manifest"))
    finally:
        ended.set()
        thread.join()
    said = f"{outage.value!r} {failed.value!r} {failed.value.err} {lines!r}"
    assert "ls-remote" in said
    assert TOKEN not in said
    assert BASIC not in said
    for path in (tmp_path / "mirrors").rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    began = time.monotonic()
    with gateway(tmp_path, limit=0.3) as git, pytest.raises(Outage, match=r"longer than 0\.3 seconds"):
        git.run("-c", f"alias.wait=!sh -c 'sleep 1; touch {mark}' & sleep 5", "wait")
    assert time.monotonic() - began < 4
    time.sleep(1)
    assert not mark.exists()


def test_a_command_that_prints_too_much_is_ended(tmp_path: Path) -> None:
    with gateway(tmp_path, most=100_000) as git, pytest.raises(Outage, match="larger than 97 KiB"):
        git.run("-c", "alias.talk=!yes", "talk")


def test_a_machine_without_git_is_an_outage_not_a_damaged_mirror(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "env").symlink_to("/usr/bin/env")
    out = shown(tmp_path, PATH=str(tmp_path / "bin"), PYTHONPATH=".", GIT_PYTHON_REFRESH="quiet")
    assert out == "there is no git program on this machine\n"


def test_no_repository_in_a_folder_above_is_ever_touched(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "inside").mkdir()
    with gateway(tmp_path / "inside") as git, pytest.raises(GitFailed, match="not a git repository"):
        git.run("rev-parse", "HEAD")


def test_no_process_is_left_behind(server: GitServer, tmp_path: Path) -> None:
    before = children()
    for _ in range(3):
        with Mirrors(tmp_path / "mirrors", allow_http=True).open(7, server.url("manifest"), None) as mirror:
            refs = mirror.refs()
            mirror.fetch(refs)
            mirror.tree(refs["refs/heads/master"])
    assert children() <= before


def children() -> set[str]:
    found = set()
    for path in Path("/proc/self/task").glob("*/children"):
        found |= set(path.read_text().split())
    return found
