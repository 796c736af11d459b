"""`release`: a whole release by hand, judged by what git then has on the server and in the person's clone."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from pathlib import Path

import pytest

from bot.core.record import correlation_id
from sandbox.seed import advance
from tests.git_server import Asked, Reply
from tests.hand.seeded import NOW, Desk, desk as desk

LINE, TAG, CHANNEL, MASTER = "refs/heads/build-115", "refs/tags/v115.0.1", "refs/heads/dev-channel", "refs/heads/master"
ETCD = ("patch", "build-115", "coreos/etcd=release-0.1")
ON_TERMINAL = ("release", "--now", NOW, *ETCD)


def show(desk: Desk, *arguments: str) -> str:
    """What git says on the server."""
    return desk.bare().git.run(*arguments)


def kept(desk: Desk) -> dict[str, bytes | str]:
    """All in the clone but its objects: refs, index, files."""
    files = [path for path in desk.clone.rglob("*") if path.is_file() and "objects" not in path.parts]
    return {str(path): path.read_bytes() for path in files} | {"refs": desk.git("for-each-ref")}


def accept_no(desk: Desk, ref: str) -> Path:
    """Have the server refuse this ref, until the file that is returned is removed."""
    hook = desk.bare().path / "hooks" / "update"
    hook.write_text(f'#!/bin/sh\n[ "$1" != {ref} ] || {{ echo "not this one" >&2; exit 1; }}\n')
    hook.chmod(0o755)
    return hook


def test_without_a_terminal_it_must_be_told_before_anything_is_asked(desk: Desk) -> None:
    asked = len(desk.server.asked)
    done = desk.release(*ETCD)
    assert (done.status, done.out) == (2, "")
    assert done.err == "Nobody can be asked here whether to push: say --yes, or --dry-run to only look.\n"
    assert len(desk.server.asked) == asked


def test_a_dry_run_shows_the_plan_and_pushes_nothing(desk: Desk) -> None:
    before = desk.refs()
    done = desk.release("--dry-run", "--diff", *ETCD)
    assert done.status == 0
    assert done.out == desk.plan(*ETCD).out + "Nothing was pushed: --dry-run.\n"
    assert desk.refs() == before


@pytest.mark.parametrize("answer", ["n", "", "perhaps"])
def test_any_answer_but_yes_pushes_nothing_and_ends_with_5(desk: Desk, answer: str) -> None:
    before = desk.refs()
    done = desk.at_terminal(*ON_TERMINAL, answer=answer)
    assert done.status == 5
    assert f"Push {LINE}, {TAG} to {desk.url}, all or nothing, then move dev-channel? [y/N] " in done.out
    assert done.out.endswith("Nothing was pushed.\n")
    assert desk.refs() == before


def test_yes_at_the_terminal_releases(desk: Desk) -> None:
    done = desk.at_terminal(*ON_TERMINAL, answer="y")
    assert done.status == 0
    assert f"v115.0.1 is released: {desk.refs()[LINE]}\n" in done.out


def test_ctrl_c_at_the_question_pushes_nothing_and_ends_with_130(desk: Desk) -> None:
    before = desk.refs()
    done = desk.at_terminal(*ON_TERMINAL, answer=None)
    assert done.status == 130
    assert "Traceback" not in done.out
    assert desk.refs() == before


def test_the_commit_has_the_files_of_the_plan_on_top_of_the_line(desk: Desk) -> None:
    planned = json.loads(desk.plan("--format=json", *ETCD).out)
    before = desk.refs()[LINE]
    assert desk.release("--yes", *ETCD).status == 0
    commit = desk.refs()[LINE]
    assert show(desk, "rev-parse", f"{commit}^@") == before
    changed = show(desk, "diff-tree", "-r", "--no-commit-id", commit).splitlines()
    assert {row.split("\t")[1]: row.split()[1::2][:2] for row in changed} == planned["files"]
    subject, _, body = show(desk, "log", "-1", "--format=%s%n%n%b", commit).partition("\n\n")
    assert subject == "build-115: release v115.0.1"
    assert body.startswith("Requested-by: Brandon Release\n")
    who = show(desk, "log", "-1", "--format=%an <%ae> %cn <%ce> %ct", commit)
    person = "Brandon Release <brandon@example.com>"
    assert who == f"{person} {person} 1382702400"


def test_the_tag_is_the_release_record(desk: Desk) -> None:
    digest = re.search(r"^Plan (sha256:\w+)$", desk.release("--yes", *ETCD).out, re.MULTILINE)
    assert digest
    refs = desk.refs()
    assert refs[f"{TAG}^{{}}"] == refs[LINE]
    head, _, message = show(desk, "cat-file", "tag", TAG).partition("\n\n")
    assert head.splitlines()[2:] == ["tag v115.0.1", "tagger Brandon Release <brandon@example.com> 1382702400 +0000"]
    subject, _, record = message.partition("\n\n")
    assert subject == "CoreOS v115.0.1"
    trailers = dict(row.split(": ", 1) for row in record.splitlines())
    assert list(trailers) == [
        *(
            "Requested-by",
            "Request",
            "Merged-by",
            "Pull-request",
            "Plan",
            "Config",
            "Group",
            "Official",
            "SDK",
            "Inputs",
        )
    ]
    assert trailers["Pull-request"] == "none, by hand"
    assert (trailers["Plan"], trailers["Group"], trailers["SDK"]) == (digest[1], "alpha", "110.0.0")


def test_branch_and_tag_are_one_push_and_the_channel_another(desk: Desk) -> None:
    log = desk.bare().path / "pushes"
    hook = desk.bare().path / "hooks" / "pre-receive"
    hook.write_text(f'#!/bin/sh\nsed "s/^[^ ]* [^ ]* //" | tr "\\n" " " >> {log}\necho >> {log}\n')
    hook.chmod(0o755)
    done = desk.release("--yes", *ETCD)
    assert log.read_text().splitlines() == [f"{LINE} {TAG} ", f"{CHANNEL} "]
    assert f"dev-channel: moved to {desk.refs()[LINE]}\n" in done.out
    assert desk.refs()[CHANNEL] == desk.refs()[LINE]


def test_nothing_in_the_clone_changes_but_its_objects(desk: Desk) -> None:
    before = kept(desk)
    assert desk.release("--yes", *ETCD).status == 0
    assert kept(desk) == before


def test_a_new_line_is_opened_in_the_same_push(desk: Desk) -> None:
    done = desk.release("--yes", "new")
    assert done.status == 0
    refs = desk.refs()
    tagged = refs["refs/tags/v116.0.0^{}"]
    assert refs[MASTER] == refs["refs/heads/build-116"] == tagged == refs[CHANNEL]
    assert desk.run("verify", "116.0.0").status == 0


def test_a_channel_stays_where_a_higher_version_is(desk: Desk) -> None:
    desk.release("--yes", "new")
    before = desk.refs()[CHANNEL]
    done = desk.release("--yes", *ETCD)
    assert "dev-channel: stays at 116.0.0\n" in done.out
    assert desk.refs()[CHANNEL] == before
    assert desk.run("verify", "115.0.1").status == 0


def test_a_channel_is_moved_or_kept_as_the_person_says(desk: Desk) -> None:
    before = desk.refs()[CHANNEL]
    done = desk.release("--yes", *ETCD, "channel=keep")
    assert "dev-channel: stays at 115.0.0\n" in done.out
    assert desk.refs()[CHANNEL] == before


def test_in_layout_tracking_a_second_commit_is_on_the_release_branch_only(desk: Desk) -> None:
    desk.make_tracking()
    done = desk.release("--yes", "new")
    assert done.status == 0
    refs = desk.refs()
    tagged, tip = refs["refs/tags/v116.0.0^{}"], refs["refs/heads/build-116"]
    assert refs[MASTER] == refs[CHANNEL] == tagged
    assert show(desk, "rev-parse", f"{tip}^@") == tagged
    assert show(desk, "diff-tree", "-r", "--no-commit-id", "--name-only", tip) == "build-116.xml\ndefault.xml"
    followed = re.findall(r'name="(\S+)".*revision="refs/heads/build-116"', show(desk, "show", f"{tip}:build-116.xml"))
    assert followed == ["coreos/etcd", "coreos/init"]
    head = desk.bare("coreos/etcd").git.refs()["refs/heads/master"]
    command = f"git push {desk.server.origin}/coreos/etcd {head}:refs/heads/build-116"
    assert f"  in a clone of coreos/etcd: {command}\n" in done.out
    clone = desk.home / "etcd"
    subprocess.run(["git", "clone", "-q", f"{desk.server.origin}/coreos/etcd", clone], env=desk.env(), check=True)
    subprocess.run(["/bin/sh", "-c", command], cwd=clone, env=desk.env(), capture_output=True, check=True)
    assert desk.bare("coreos/etcd").git.refs()["refs/heads/build-116"] == head


def test_what_is_left_to_do_is_said_as_commands(desk: Desk) -> None:
    done = desk.release("--yes", *ETCD)
    wanted = correlation_id(desk.refs()[TAG])
    assert done.out.endswith(
        "Left to do:\n  gh workflow run image-build.yml --repo coreos/scripts --ref master "
        f"-f tag=v115.0.1 -f correlation_id={wanted} -f formats=qemu,vmware\n"
    )
    assert "Left to do" not in desk.release("--yes", "patch", "build-115", "--allow-empty", "build=no").out


def test_a_ref_that_moved_while_the_person_thought_loses_nothing(desk: Desk) -> None:
    advanced: list[str] = []

    def meanwhile() -> str:
        advanced.append(advance(desk.bare(), "build-115", "somebody was faster"))
        return "y"

    done = desk.at_terminal(*ON_TERMINAL, answer=meanwhile)
    assert done.status == 3
    assert done.out.endswith("Somebody moved one of these refs meanwhile, so nothing was pushed. Plan again.\n")
    refs = desk.refs()
    assert (refs[LINE], TAG in refs) == (advanced[0], False)
    assert refs[CHANNEL] != advanced[0]


def test_a_channel_that_moved_meanwhile_is_left_and_takes_nothing_back(desk: Desk) -> None:
    advanced: list[str] = []

    def meanwhile() -> str:
        advanced.append(advance(desk.bare(), "dev-channel", "somebody was faster"))
        return "y"

    done = desk.at_terminal(*ON_TERMINAL, answer=meanwhile)
    assert done.status == 6
    assert f"dev-channel: somebody moved it to {advanced[0]} meanwhile; it was left there\n" in done.out
    assert f"--force-with-lease={CHANNEL}:{advanced[0]} {desk.url} {desk.refs()[LINE]}:{CHANNEL}\n" in done.out
    assert desk.refs()[CHANNEL] == advanced[0]
    assert desk.refs()[f"{TAG}^{{}}"] == desk.refs()[LINE]


def test_a_channel_that_is_refused_is_left_to_the_person_with_the_command(desk: Desk) -> None:
    hook, before = accept_no(desk, CHANNEL), desk.refs()[CHANNEL]
    done = desk.release("--yes", *ETCD)
    assert done.status == 6
    assert "dev-channel: could not be moved: the server refused the push: " in done.out
    assert f"; it is at {before}\n" in done.out
    hook.unlink()
    typed = next(line for line in done.out.splitlines() if "--force-with-lease" in line)
    assert subprocess.run(["/bin/sh", "-c", typed], env=desk.env(), capture_output=True, check=False).returncode == 0
    assert desk.refs()[CHANNEL] == desk.refs()[LINE]


def test_a_tag_that_is_refused_takes_the_branch_with_it(desk: Desk) -> None:
    before = desk.refs()
    accept_no(desk, TAG)
    done = desk.release("--yes", *ETCD)
    assert done.status == 3
    assert done.err.startswith("the server refused the push: ")
    assert desk.refs() == before


def test_a_push_whose_end_is_unknown_can_be_pushed_again_as_it_was(desk: Desk) -> None:
    cut = threading.Event()

    def rule(asked: Asked) -> Reply | None:
        if "git-receive-pack" in asked.path and asked.method == "POST":
            cut.set()
        return Reply(503) if cut.is_set() else None

    desk.server.rules.append(rule)
    done = desk.release("--yes", *ETCD)
    assert (done.status, TAG in desk.refs()) == (1, False)
    desk.server.rules.clear()
    typed = re.search(r"To push the very same again, type `(git .*)`\.", done.err)
    assert typed
    assert subprocess.run(["/bin/sh", "-c", typed[1]], env=desk.env(), capture_output=True, check=False).returncode == 0
    refs = desk.refs()
    assert refs[LINE] == refs[f"{TAG}^{{}}"]
    assert desk.run("verify", "115.0.1").status == 0


def test_the_same_again_after_a_success_changes_nothing(desk: Desk) -> None:
    desk.release("--yes", *ETCD)
    before = desk.refs()
    again = desk.release("--yes", *ETCD)
    assert (again.status, again.out) == (3, "")
    taken = desk.release("--yes", *ETCD, "version=115.0.1", "--allow-empty")
    assert (taken.status, taken.err) == (
        3,
        f"`v115.0.1` exists (`{before[LINE][:7]}`). Next free: 115.0.2. Tags are never moved.\n",
    )
    assert desk.refs() == before


def test_an_address_is_released_into_as_well_as_a_clone(desk: Desk) -> None:
    done = desk.release("--yes", "-R", desk.url, *ETCD)
    assert done.status == 0
    assert desk.refs()[f"{TAG}^{{}}"] == desk.refs()[LINE] == desk.refs()[CHANNEL]


def test_who_git_does_not_know_cannot_release(desk: Desk) -> None:
    (desk.home / ".gitconfig").unlink()
    done = desk.release("--yes", *ETCD)
    assert done.status == 3
    assert "git does not know who you are" in done.err


def test_a_release_says_nothing_of_projects_that_could_not_be_read_but_why(desk: Desk) -> None:
    desk.server.rules.append(lambda asked: Reply(503) if "etcd" in asked.path else None)
    before = desk.refs()
    done = desk.release("--yes", *ETCD)
    assert (done.status, done.out, desk.refs()) == (1, "", before)


def signing(desk: Desk, name: str = "key") -> Path:
    """Set the person's git to sign with a new SSH key; the file of those who may sign."""
    key = desk.home / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    desk.git("config", "--global", "gpg.format", "ssh")
    desk.git("config", "--global", "user.signingKey", f"{key}.pub")
    allowed = desk.home / "allowed"
    allowed.write_text(f"brandon@example.com {key.with_suffix('.pub').read_text()}")
    return allowed


def verified(desk: Desk, allowed: Path) -> bool:
    """Whether git takes the tag on the server for signed."""
    desk.git("fetch", "-q", "--tags")
    option = f"gpg.ssh.allowedSignersFile={allowed}"
    done = subprocess.run(
        ["git", "-c", option, "verify-tag", "v115.0.1"],
        cwd=desk.clone,
        env=desk.env(),
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def test_a_signed_tag_is_verified_by_git(desk: Desk) -> None:
    allowed = signing(desk)
    assert desk.release("--yes", "--sign", *ETCD).status == 0
    assert verified(desk, allowed)
    assert desk.run("verify", "115.0.1").status == 0


@pytest.mark.parametrize(
    ("option", "signed"), [([], True), (["--no-sign"], False)], ids=["as git is set", "but for --no-sign"]
)
def test_tags_are_signed_as_git_is_set(desk: Desk, option: list[str], signed: bool) -> None:
    allowed = signing(desk)
    desk.git("config", "--global", "tag.gpgSign", "true")
    assert desk.release("--yes", *option, *ETCD).status == 0
    assert verified(desk, allowed) == signed


def test_a_key_that_cannot_sign_stops_the_release_before_the_push(desk: Desk) -> None:
    signing(desk)
    (desk.home / "key").unlink()
    before = desk.refs()
    done = desk.release("--yes", "--sign", *ETCD)
    assert done.status == 3
    assert done.err.startswith("your git could not sign the tag: ")
    assert desk.refs() == before
