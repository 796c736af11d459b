"""Signed tags: as strong as the release before, by a key that counts, found again after the store was lost."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.signature import read_trusted, split
from bot.settings.secret import Secret
from bot.signing import Keyring, Signer
from bot.store import tables
from tests.flows.conftest import Play
from tests.stage import MANIFEST

TAG = "refs/tags/v115.0.1"


def ssh_key(folder: Path, name: str, kind: str = "ed25519") -> tuple[Secret, str]:
    """A new key: its private half, and the public one as a trust file lists it."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(path)], check=True)
    return Secret(path.read_text()), f"{name} {path.with_suffix('.pub').read_text()}"


@pytest.fixture
def key(tmp_path: Path) -> Secret:
    return ssh_key(tmp_path, "bot")[0]


def signing(play: Play, key: Secret, trusted: str = "") -> Play:
    """The same bot with a key to sign with."""
    signer = Signer(key)
    desk = replace(play.desk, signer=signer, keyring=Keyring(read_trusted(trusted) if trusted else (), signer))
    return replace(play, desk=desk)


def tag(play: Play) -> bytes:
    return play.stage.seeded.manifest.git.read("cat-file", "tag", play.stage.refs()[TAG])


def lose_the_store(play: Play) -> None:
    with play.desk.store.begin() as connection:
        connection.execute(tables.releases.delete())


def sign_the_last_release(play: Play, key: Secret) -> None:
    """Have v115.0.0 tagged by hand with a signed tag."""
    git = play.stage.seeded.manifest.git
    commit = git.refs()["refs/heads/build-115"]
    payload = f"object {commit}\ntype commit\ntag v115.0.0\ntagger A <a@b.c> 1382702400 +0000\n\nCoreOS v115.0.0\n"
    whole = Signer(key).sign(payload.encode())
    made = subprocess.run(
        ["git", "-C", str(git.path), "hash-object", "-t", "tag", "-w", "--stdin"],
        input=whole,
        check=True,
        capture_output=True,
    )
    git.update("refs/tags/v115.0.0", made.stdout.decode().strip())


def test_a_tag_is_signed_and_git_itself_accepts_it(play: Play, key: Secret, tmp_path: Path) -> None:
    play = signing(play, key)
    pull = play.propose()
    body = play.stage.person("octocat").ask("GET", f"/repos/{MANIFEST}/pulls/{pull}")["body"]
    assert "(annotated, signed with the bot's SSH key)" in body
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert play.publish(pull).state == "done"
    assert play.desk.keyring.judge(tag(play)).state == "good"
    allowed = tmp_path / "allowed"
    allowed.write_text(f"bot@example.org {(tmp_path / 'bot.pub').read_text()}")
    subprocess.run(
        [
            *("git", "-C", str(play.stage.seeded.manifest.git.path)),
            *("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-tag", "v115.0.1"),
        ],
        check=True,
    )


def test_a_signed_tag_is_known_again_after_the_store_was_lost(play: Play, key: Secret) -> None:
    play = signing(play, key)
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    before = play.stage.refs()
    lose_the_store(play)
    assert play.publish(pull).state == "done"
    assert play.stage.refs() == before


def test_a_key_that_was_rotated_still_makes_its_tags_ours(play: Play, key: Secret, tmp_path: Path) -> None:
    pull = signing(play, key).propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    signing(play, key).publish(pull)
    lose_the_store(play)
    new, _ = ssh_key(tmp_path, "new")
    old = f"bot {(tmp_path / 'bot.pub').read_text()}"
    assert signing(play, new).publish(pull).state == "stopped"
    assert signing(play, new, trusted=old).publish(pull).state == "done"


def test_a_tag_signed_by_a_stranger_is_not_ours(play: Play, key: Secret, tmp_path: Path) -> None:
    play = signing(play, key)
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.publish(pull)
    stranger, _ = ssh_key(tmp_path, "stranger")
    forged = Signer(stranger).sign(split(tag(play)).payload)
    git = play.stage.seeded.manifest.git
    made = subprocess.run(
        ["git", "-C", str(git.path), "hash-object", "-t", "tag", "-w", "--stdin"],
        input=forged,
        check=True,
        capture_output=True,
    )
    git.update(TAG, made.stdout.decode().strip())
    lose_the_store(play)
    outcome = play.publish(pull)
    assert (outcome.state, "proof 6" in outcome.detail) == ("stopped", True)


def test_an_unsigned_copy_of_our_tag_is_not_ours_where_we_sign(play: Play, key: Secret) -> None:
    able = signing(play, key)
    pull = able.propose()
    able.stage.person("hubot").merge(MANIFEST, pull)
    able.publish(pull)
    git = play.stage.seeded.manifest.git
    made = subprocess.run(
        ["git", "-C", str(git.path), "hash-object", "-t", "tag", "-w", "--stdin"],
        input=split(tag(able)).payload,
        check=True,
        capture_output=True,
    )
    git.update(TAG, made.stdout.decode().strip())
    lose_the_store(able)
    assert "proof 6" in able.publish(pull).detail


def test_without_a_key_no_release_follows_a_signed_one(play: Play, key: Secret) -> None:
    sign_the_last_release(play, key)
    pull = play.propose()
    told = play.check(pull)
    assert told.startswith("failure: the tag of the last release is signed with an SSH key")
    play.stage.person("hubot").merge(MANIFEST, pull)
    assert "proof 6" in play.publish(pull).detail
    assert TAG not in play.stage.refs()
    able = signing(play, key)
    assert able.type("/release resume", on=pull).startswith("I prove the merge")
    assert able.desk.keyring.judge(tag(play)).state == "good"


def test_a_key_that_signs_otherwise_each_time_is_replayed_after_a_crash(play: Play, tmp_path: Path) -> None:
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--passphrase", ""]
    subprocess.run(
        [*gpg, "--quick-gen-key", "Bot <bot@example.org>", "rsa2048", "sign"], check=True, capture_output=True
    )
    armour = subprocess.run([*gpg, "--armor", "--export-secret-keys"], check=True, capture_output=True).stdout
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    play = signing(play, Secret(armour.decode()))
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    for _ in range(2):
        assert play.publish(pull).state == "done"
    whole = tag(play)
    assert play.desk.keyring.judge(whole).state == "good"
    lose_the_store(play)
    assert play.publish(pull).state == "done"
    assert tag(play) == whole
