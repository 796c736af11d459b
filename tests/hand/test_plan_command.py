"""`plan`: what a release would be, in four forms, from any clone or address, with nothing written anywhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from bot.__main__ import main
from bot.core.command import parse
from bot.core.command.parse import Mistake
from bot.core.text.mistakes import mistake
from bot.hand.session import at_a_terminal
from sandbox.seed import advance
from sandbox.seed_files import FILE, LINK
from tests.git_server import Reply
from tests.hand.seeded import NOW, Desk, desk as desk

TEXT = """\
build-115: release v115.0.1 (line build-115)

version  115.0.0  115.0.1
SDK      110.0.0  110.0.0
group             alpha (default of this repository)
build             image-build.yml in coreos/scripts: prod qemu,vmware

Refs
  refs/heads/build-115    48654ee59100  ->  the release  (merge)
  refs/tags/v115.0.1      -             ->  the tag      (create)
  refs/heads/dev-channel  48654ee59100  ->  the release  (channel newer)
  refs/heads/master       700a95d76a3f  ->  stays

Projects: 1 of 12 change
  coreos/etcd  d0b6c31115e3  ->  14c6c0bbb31d  refs/heads/release-0.1 (was refs/heads/master)  +4

WARNING `coreos/etcd` now follows `refs/heads/release-0.1` instead of `refs/heads/master`.
Plan sha256:"""
ETCD = ("patch", "build-115", "coreos/etcd=release-0.1")


def test_the_text_says_all_that_the_release_does(desk: Desk) -> None:
    done = desk.plan(*ETCD)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(TEXT)
    assert "-COREOS_PATCH=0\n+COREOS_PATCH=1\n" in done.out


@pytest.mark.parametrize(
    ("words", "title", "project"),
    [
        (("new",), "build-116: release v116.0.0 (line build-116, off master)", "Projects: 12 of 12 change"),
        (("new", "117"), "build-117: release v117.0.0 (line build-117, off master)", "Projects: 12 of 12 change"),
        (("branch", "build-115"), "build-115: release v115.1.0 (line build-115)", "Projects: 1 of 12 change"),
        (("patch", "build-115"), "build-115: release v115.0.1 (line build-115)", "Projects: 1 of 12 change"),
    ],
    ids=["new", "new BUILD", "branch", "patch"],
)
def test_each_kind_raises_its_own_number(desk: Desk, words: tuple[str, ...], title: str, project: str) -> None:
    advance(desk.bare("coreos/coreos-overlay"), "build-115", "a fix")
    done = desk.plan(*words)
    assert done.out.startswith(title)
    assert project in done.out


def test_what_waits_on_the_line_and_is_not_taken_is_listed(desk: Desk) -> None:
    waiting = advance(desk.bare("coreos/coreos-overlay"), "build-115", "a fix")
    done = desk.plan(*ETCD)
    assert f"Waiting on build-115, not included\n  coreos/coreos-overlay  16a9e41ff688  ->  {waiting[:12]}" in done.out


@pytest.mark.parametrize("words", [("new",), ETCD], ids=["new", "patch"])
def test_git_applies_the_patch_and_gets_the_files_of_the_plan(desk: Desk, words: tuple[str, ...]) -> None:
    patch = desk.plan("--format", "diff", *words).out
    planned = json.loads(desk.plan("--format", "json", *words).out)
    desk.git("checkout", "-q", "--detach", planned["base"]["commit"])
    applied = subprocess.run(
        ["git", "apply", "--index"], cwd=desk.clone, input=patch.encode(), env=desk.env(), check=False
    )
    assert applied.returncode == 0
    for path, blob in planned["files"].items():
        staged = desk.git("ls-files", "--stage", "--", path).split()
        assert staged[:2] == (blob or []), path


def test_a_link_that_becomes_a_file_is_a_patch_that_git_applies(desk: Desk) -> None:
    desk.commit("coreos/manifest", "master", {"release.xml": (LINK, b"build-109.xml")})
    desk.git("pull", "-q")
    test_git_applies_the_patch_and_gets_the_files_of_the_plan(desk, ("new",))


def test_the_markdown_is_the_text_of_the_pull_request(desk: Desk) -> None:
    done = desk.plan("--format", "markdown", *ETCD)
    assert done.out.startswith("### Release 115.0.1 (line build-115)\n")
    assert "| Version | 115.0.0 | **115.0.1** |" in done.out


def test_the_same_inputs_make_the_same_bytes_and_digest(desk: Desk) -> None:
    first, second = (desk.plan("--format=json", *ETCD).out for _ in range(2))
    assert first == second
    assert json.loads(first)["digest"].startswith("sha256:")


def test_the_digest_names_what_the_plan_is_made_from(desk: Desk) -> None:
    first = json.loads(desk.plan("--format=json", *ETCD).out)
    advance(desk.bare("coreos/etcd"), "release-0.1", "one more")
    second = json.loads(desk.plan("--format=json", *ETCD).out)
    assert first["digest"] != second["digest"]
    assert first["projects"][0]["new"] != second["projects"][0]["new"]


def test_words_stand_before_between_and_after_the_options(desk: Desk) -> None:
    forms = [
        ("--format=json", "--now", NOW, *ETCD, "--allow-rewind", "sdk=109.0.0"),
        (
            "patch",
            "--format=json",
            "build-115",
            "coreos/etcd=release-0.1",
            "--allow-rewind",
            "--now",
            NOW,
            "sdk=109.0.0",
        ),
        (
            "patch",
            "build-115",
            "coreos/etcd=release-0.1",
            "--allow-rewind",
            "sdk=109.0.0",
            "--now",
            NOW,
            "--format=json",
        ),
    ]
    plans = [json.loads(desk.run("plan", *form).out) for form in forms]
    assert {plan["digest"] for plan in plans} == {plans[0]["digest"]}
    assert plans[0]["sdk"]["version"] == "109.0.0"


MISTAKES = (
    "pach build-115",
    "patch",
    "patch build-0115",
    "patch build-115 sdk=x",
    "patch build-115 allow-empty=yes",
    "patch build-115 --alow-empty",
    "patch build-115 --allow-empty --allow-empty",
    "patch build-115 coreos/etcd=a coreos/etcd=b",
    "patch build-115 please",
    'patch build-115 coreos/etcd="a',
    "patch build-115 coreos/etcd=\u00e9",
    "new 116x",
    "sdk build-115 110.0.0",
)


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_told_in_words_for_a_terminal(desk: Desk, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = parse(f"/release {words}")
    assert isinstance(wrong, Mistake)
    status = main(["plan", "-R", str(desk.clone), *words.split(" ")])
    told = capsys.readouterr()
    assert (status, told.out) == (2, "")
    assert told.err == at_a_terminal(mistake(wrong, ("build-115", "build-109"))) + "\n"
    assert not re.search("/release|comment|[Pp]ost", told.err)


@pytest.mark.parametrize("words", ["", "help", "resume"])
def test_what_is_no_release_is_answered_with_the_three_kinds(desk: Desk, words: str) -> None:
    done = desk.plan(*words.split())
    assert done.status == 2
    assert done.err.startswith("Say what to release: `new [BUILD]`, `branch build-N` or `patch build-N`")


@pytest.mark.parametrize("option", ["--now=2013-10-25", "--now=yesterday", "--format=xml", "--origin=localhost"])
def test_an_option_that_is_not_understood_ends_with_2(desk: Desk, option: str) -> None:
    done = desk.run("plan", option, "new")
    assert (done.status, done.out) == (2, "")
    assert f"argument {option.partition('=')[0]}" in done.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("branch", "build-115"), "No project that follows `refs/heads/build-115` moved since `v115.0.0`."),
        (("patch", "build-116"), "There is no release branch `build-116`. Near it: `build-115`, `build-109`."),
        (("patch", "build-115", "etd=master"), "None of the 12 projects is called `etd`. Near it: `coreos/etcd`."),
        (("patch", "build-115", "etcd=nosuch"), "`nosuch` is on no branch or tag of `coreos/etcd`."),
        (("patch", "build-115", "sdk=115.0.1", "--allow-empty"), "The SDK cannot be 115.0.1: that is the version"),
        (("branch", "build-115", "version=115.0.0"), "`v115.0.0` exists (`48654ee`). Next free: 115.1.0."),
        (("new", "--remove-manifest", "master.xml"), "`master.xml` is no old manifest of this branch"),
    ],
)
def test_a_refusal_says_why_and_ends_with_3(desk: Desk, words: tuple[str, ...], sentence: str) -> None:
    done = desk.plan(*words)
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith(sentence)


def test_going_back_must_be_meant(desk: Desk) -> None:
    back = desk.bare("coreos/etcd").git.run("rev-parse", f"{desk.seeded.etcd_pin}~2")
    done = desk.plan("patch", "build-115", f"etcd={back}")
    assert (done.status, done.err.split(" (")[0]) == (3, "`coreos/etcd` would go BACK 2 commits")
    assert desk.plan("patch", "build-115", f"etcd={back}", "--allow-rewind").status == 0


def test_a_host_that_may_not_be_asked_is_refused_with_the_option_that_allows_it(desk: Desk) -> None:
    done = desk.run("plan", "--origin", "http://127.0.0.1:1", "new")
    assert done.status == 3
    assert "only plain https addresses on known hosts are asked" in done.err
    assert done.err.endswith(
        "`--host HOST` allows another host, `--origin http://HOST:PORT` one server without https.\n"
    )


def test_a_project_that_cannot_be_read_is_named_and_ends_with_1(desk: Desk) -> None:
    shutil.rmtree(desk.server.root / "coreos" / "etcd.git")
    done = desk.plan(*ETCD)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("1 of 1 projects could not be read (`coreos/etcd`: `there is no such repository`).")


def test_a_manifest_repository_that_does_not_answer_ends_with_1(desk: Desk) -> None:
    desk.server.rules.append(lambda asked: Reply(503) if "manifest" in asked.path else None)
    done = desk.plan(*ETCD)
    assert (done.status, done.out, done.err) == (1, "", "the server answered 503\n")


def test_a_repository_that_is_none_ends_with_3(desk: Desk) -> None:
    for where in (f"{desk.server.origin}/coreos/nosuch", str(desk.home), "nosuch"):
        assert desk.plan("-R", where, *ETCD).status == 3


def test_an_address_serves_as_well_as_a_clone(desk: Desk) -> None:
    assert desk.plan("-R", desk.url, *ETCD).out == desk.plan(*ETCD).out


def test_offline_the_clone_counts_as_it_was_last_fetched(desk: Desk) -> None:
    desk.commit("coreos/manifest", "build-115", {"note": (FILE, b"later\n")})
    assert json.loads(desk.plan("--offline", "--format=json", *ETCD).out)["base"]["commit"].startswith("48654ee5")
    assert not json.loads(desk.plan("--format=json", *ETCD).out)["base"]["commit"].startswith("48654ee5")


def test_planning_changes_no_ref_anywhere(desk: Desk) -> None:
    before = desk.refs(), desk.git("for-each-ref"), desk.git("status", "--porcelain")
    desk.plan("new")
    assert (desk.refs(), desk.git("for-each-ref"), desk.git("status", "--porcelain")) == before


def test_the_release_file_as_one_of_its_own_is_told_with_the_commit_that_follows(desk: Desk) -> None:
    desk.make_tracking()
    done = desk.plan("new")
    assert "# The second commit, on build-116 only\n" in done.out
    assert "Projects that follow build-116 from then on" in done.out
    assert f"git push {desk.server.origin}/coreos/etcd " in done.out
