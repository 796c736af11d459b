"""By hand git is the person's own: their name, their key, their settings, and questions at their terminal."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.objects import Identity, tag_payload
from bot.core.push import RefUpdate
from bot.hand.clone import Clone
from bot.outage import Denied
from tests.git_server import CLEAN, Reply
from tests.hand.conftest import Folder, World

WHEN = datetime(2013, 10, 26, 12, tzinfo=UTC)
LAUNCH = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
exec(sys.argv.pop(1))
"""
LOOK = """
import sys
from pathlib import Path
from bot.hand.clone import Clone
from bot.outage import Denied, Outage
try:
    with Clone.open(sys.argv[1], Path(sys.argv[2])) as clone:
        print(clone.identity() if sys.argv[3:] else len(clone.refs()))
except (Denied, Outage) as fault:
    print(type(fault).__name__, fault.reason)
"""


def by_hand(*arguments: str, **environment: str) -> str:
    """What a person without any settings sees."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *arguments],
        env={"PATH": CLEAN["PATH"], "PYTHONPATH": ".", "HOME": "/nowhere", "GIT_CONFIG_NOSYSTEM": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# Who it is


def test_the_person_is_who_their_git_says(world: World, tmp_path: Path) -> None:
    folder = world.clone(tmp_path / "clone")
    folder.git("config", "user.name", "Octo Cat <x>")
    folder.git("config", "user.email", "octo@example.com")
    scratch = str(tmp_path / "scratch")
    assert by_hand(str(folder.path), scratch, "who") == str(Identity("Octo Cat x", "octo@example.com"))
    environment = {"GIT_COMMITTER_NAME": "Somebody Else", "GIT_COMMITTER_EMAIL": "else@example.com"}
    assert by_hand(world.url, scratch, "who", **environment) == str(Identity("Somebody Else", "else@example.com"))


def test_a_person_that_git_does_not_know_is_told_how_to_say_it(world: World, tmp_path: Path) -> None:
    said = by_hand(str(world.clone(tmp_path / "clone").path), str(tmp_path / "scratch"), "who")
    assert said.startswith("Denied git does not know who you are; tell it with `git config --global user.name")


def test_variables_that_point_git_elsewhere_are_not_followed(world: World, tmp_path: Path) -> None:
    folder, other = world.clone(tmp_path / "clone"), str(tmp_path / "other")
    before = folder.state()
    names = ("DIR", "WORK_TREE", "COMMON_DIR", "INDEX_FILE", "OBJECT_DIRECTORY", "NAMESPACE", "PREFIX")
    pointing = {f"GIT_{name}": other for name in names}
    assert by_hand(str(folder.path), str(tmp_path / "scratch"), **pointing) == "5"
    assert folder.state() == before
    assert not Path(other).exists()


def test_settings_given_for_one_run_count(world: World, tmp_path: Path) -> None:
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{world.url}.insteadOf"}
    scratch = str(tmp_path / "scratch")
    assert by_hand("https://example.com/x", scratch, **given, GIT_CONFIG_VALUE_0="https://example.com/x") == (
        "Denied git could not talk with https://example.com/x: fatal: transport 'http' not allowed"
    )
    given["GIT_CONFIG_VALUE_0"] = "http://localhost/x"
    assert by_hand("http://localhost/x", scratch, **given) == "5"


# Passwords


def ask_for_a_password(world: World) -> None:
    basic = "Basic " + b64encode(b"octo:s3cret").decode()
    world.server.rules.append(
        lambda asked: (
            None
            if asked.headers.get("authorization") == basic
            else Reply(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        )
    )


def test_the_persons_credential_helper_is_asked(world: World, tmp_path: Path) -> None:
    folder, scratch = world.clone(tmp_path / "clone"), str(tmp_path / "scratch")
    ask_for_a_password(world)
    said = by_hand(str(folder.path), scratch)
    assert said == "Denied the server asks for a name and a password, or does not accept those that git has"
    folder.git("config", "credential.helper", "!f() { echo username=octo; echo password=s3cret; }; f")
    assert by_hand(str(folder.path), scratch) == "5"


def test_a_password_in_an_address_is_used_and_never_shown(world: World, tmp_path: Path) -> None:
    ask_for_a_password(world)
    with Clone.open(world.url.replace("://", "://octo:s3cret@"), tmp_path / "scratch") as clone:
        assert len(clone.refs()) == 5
        assert clone.place.url == clone.url == world.url
        world.server.rules.insert(0, lambda asked: Reply(404))
        with pytest.raises(Denied) as refusal:
            clone.refs()
    assert refusal.value.reason == "there is no such repository, or you may not see it"
    assert "s3cret" not in "".join(path.read_text("latin-1") for path in tmp_path.rglob("config"))


def test_at_a_terminal_git_asks_the_person(world: World, tmp_path: Path) -> None:
    ask_for_a_password(world)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, LOOK, world.url, str(tmp_path / "scratch")],
        env={"PATH": CLEAN["PATH"], "PYTHONPATH": ".", "HOME": "/nowhere", "GIT_CONFIG_NOSYSTEM": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    answers = {b"Username for": b"octo\n", b"Password for": b"s3cret\n"}
    try:
        while piece := os.read(ours, 1024):
            said += piece
            for question in [each for each in answers if each in said]:
                os.write(ours, answers.pop(question))
    except OSError:
        pass  # the other end of a terminal is closed so
    os.close(ours)
    assert process.wait() == 0, said
    assert said.rstrip().endswith(b"5")
    assert b"s3cret" not in said
    assert not answers


def ssh(folder: Path, script: str) -> str:
    """A stand-in for ssh: it is run as git runs ssh, and says what ssh says."""
    path = folder / "ssh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_ssh_is_the_persons_own_and_gets_host_and_command(world: World, tmp_path: Path) -> None:
    script = ssh(tmp_path, 'shift $(($# - 1)); exec sh -c "$1"')
    for where in (f"git@example.com:{world.project.path}", f"ssh://git@example.com{world.project.path}"):
        assert by_hand(where, str(tmp_path / "scratch"), GIT_SSH_COMMAND=script) == "5"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("git@example.com: Permission denied (publickey).", "Denied"),
        ("Host key verification failed.", "Denied"),
        ("ERROR: Repository not found.", "Denied"),
        ("ssh: Could not resolve hostname example.com: Name or service not known", "Outage"),
        ("ssh: connect to host example.com port 22: Connection refused", "Outage"),
    ],
)
def test_what_ssh_says_is_told_and_not_gits_advice_about_it(said: str, kind: str, tmp_path: Path) -> None:
    script = ssh(tmp_path, f"echo '{said}' >&2; exit 255")
    told = by_hand("git@example.com:coreos/manifest", str(tmp_path / "scratch"), GIT_SSH_COMMAND=script)
    assert told == f"{kind} git could not talk with git@example.com:coreos/manifest: {said}"


# Signatures


@pytest.fixture
def signer(world: World, tmp_path: Path) -> Folder:
    """A clone whose person signs with an ssh key."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen on this machine")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / "signers").write_text("a@b " + key.with_suffix(".pub").read_text())
    folder = world.clone(tmp_path / "clone")
    settings = {"gpg.format": "ssh", "user.signingKey": f"{key}.pub", "gpg.ssh.allowedSignersFile": "../signers"}
    for name, value in settings.items():
        folder.git("config", name, value)
    return folder


def test_a_tag_is_signed_as_the_persons_git_signs_and_leaves_no_ref(
    signer: Folder, world: World, tmp_path: Path
) -> None:
    before = signer.state()
    message = "CoreOS v115.1.0\n\n# no comment\n\n\nSDK: 110.0.0\n"
    with Clone.open(str(signer.path), tmp_path / "scratch") as clone:
        assert not clone.signs_tags
        later = world.later()
        clone.fetch(clone.refs())
        payload = tag_payload(later, "v115.1.0", Identity("A B", "a@b"), WHEN, message)
        signed = clone.sign_tag(payload)
        assert signed.startswith(payload + b"-----BEGIN SSH SIGNATURE-----\n")
        assert signer.state() == before
        tag = clone.write("tag", signed)
        assert clone.push([RefUpdate("refs/tags/v115.1.0", None, tag)]).ok
    signer.git("fetch", "-q", "--tags")
    signer.git("verify-tag", "v115.1.0")


def test_a_tag_that_cannot_be_signed_is_refused_and_bytes_that_are_no_tag_are_an_error(
    signer: Folder, world: World, tmp_path: Path
) -> None:
    signer.git("config", "tag.gpgSign", "true")
    signer.git("config", "user.signingKey", str(tmp_path / "no-key.pub"))
    with Clone.open(str(signer.path), tmp_path / "scratch") as clone:
        assert clone.signs_tags
        with pytest.raises(Denied, match="your git could not sign the tag: "):
            clone.sign_tag(tag_payload(world.commits[0], "v1.0.0", Identity("A", "a@b"), WHEN, "x"))
        for name in ("--force", "../x", "a b"):
            with pytest.raises(ValueError, match="no ref name"):
                clone.sign_tag(tag_payload(world.commits[0], name, Identity("A", "a@b"), WHEN, "x"))
        with pytest.raises(ValueError, match="lacks its tagger"):
            clone.sign_tag(f"object {world.commits[0]}\ntype commit\ntag v1\n\nx\n".encode())
