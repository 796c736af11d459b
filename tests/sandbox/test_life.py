"""The stand-in GitHub as a program: it ends without a trace, alone it says where it is, PyGithub reads it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

from github import Auth, Github, GithubIntegration

from sandbox import Sandbox
from sandbox.seed import seed
from tests.sandbox.play import MANIFEST, Play


def test_it_ends_without_a_thread_or_an_open_file(tmp_path: Path) -> None:
    def once(number: int) -> None:
        sandbox = Sandbox(tmp_path / str(number))
        sandbox.start()
        seed(sandbox)
        sandbox.create_app("bot", "http://127.0.0.1:1/", "s", {}, ["issues"])
        sandbox.person("octocat").open_issue(MANIFEST, "x")
        sandbox.stop()

    once(0)
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
    for number in range(1, 4):
        once(number)
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == files  # noqa: PTH208


def test_the_same_world_is_seeded_everywhere(tmp_path: Path) -> None:
    refs = []
    for number in range(2):
        sandbox = Sandbox(tmp_path / str(number))
        seeded = seed(sandbox)
        refs.append({name: sandbox.refs(name) for name in (MANIFEST, *seeded.projects)})
        sandbox.stop()
    assert refs[0] == refs[1]
    etcd = refs[0]["coreos/etcd"]
    assert etcd["refs/heads/release-0.1"] not in (etcd["refs/heads/master"], seeded.etcd_pin)


def test_alone_it_prints_where_it_is_and_ends_on_sigterm(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "sandbox", "--root", str(tmp_path / "github"), "--seed"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        words = dict(process.stdout.readline().rsplit(" ", 1) for _ in range(6))
        with urllib.request.urlopen(f"{words['git      '].strip()}/info/refs?service=git-upload-pack") as answer:  # noqa: S310
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_pygithub_reads_what_it_writes(play: Play) -> None:
    app = Auth.AppAuth(play.app.id, play.app.private_key)
    with GithubIntegration(auth=app, base_url=play.github.api_url) as integration:
        installation = integration.get_repo_installation("coreos", "manifest")
        assert installation.id == play.installation
        auth = Auth.Token(integration.get_access_token(installation.id).token)
    with Github(auth=auth, base_url=play.github.api_url, seconds_between_requests=0, seconds_between_writes=0) as hub:
        manifest = hub.get_repo(MANIFEST)
        assert manifest.get_contents("default.xml", ref="v115.0.0").decoded_content.startswith(b"<?xml")  # type: ignore[union-attr]
        assert {each.path for each in manifest.get_contents(".github")} == {".github/manifest-release.yml"}  # type: ignore[union-attr]
        assert manifest.compare("build-109", "build-115").ahead_by == 2
        assert manifest.get_collaborator_role_name("hubot") == "maintain"
        made = manifest.create_git_ref("refs/heads/topic", play.topic("other"))
        pull = manifest.create_pull("build-115", "topic", title="t", body="b")
        tried: object = pull.mergeable
        assert tried is None  # GitHub has not merged it on trial yet
        pull.update()
        assert (pull.mergeable, pull.commits, pull.changed_files) == (True, 1, 1)
        assert [each.filename for each in pull.get_files()] == ["NOTES"]
        assert pull.merge(merge_method="squash").merged
        made.delete()
        assert hub.get_rate_limit().rate.remaining < 5000
