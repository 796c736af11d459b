"""`pin`: what `repo manifest -r` prints, from a file, a folder or a repository, with no project cloned."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.seed_files import PATHS
from tests.git_server import Reply
from tests.hand.seeded import Desk, Done, desk as desk

HEAD = '<manifest><remote name="o" fetch=".."/><default remote="o" revision="master"/>'
ETCD, INIT = '<project name="coreos/etcd"/>', '<project name="coreos/init" groups="notdefault,boot"/>'


def head(desk: Desk, name: str, branch: str = "master") -> str:
    """Where a branch of a project is."""
    return desk.bare(name).git.refs()[f"refs/heads/{branch}"]


def pin(desk: Desk, text: str, *more: str) -> Done:
    """Pin a manifest that is written for the occasion."""
    (desk.clone / "m.xml").write_text(text)
    return desk.run("pin", "m.xml", "--url", desk.url, *more)


def test_a_folder_is_pinned_by_its_default_manifest(desk: Desk) -> None:
    done = desk.run("pin", "--url", desk.url)
    assert (done.status, done.err) == (0, "")
    for name, path in PATHS.items():
        assert f'<project name="{name}" path="{path}" revision="{head(desk, name)}" upstream="refs/heads/' in done.out


@pytest.mark.parametrize("where", ["address", "clone with -b", "git dir"])
def test_a_repository_is_pinned_as_its_files_are(desk: Desk, where: str) -> None:
    words = {"address": [desk.url], "clone with -b": ["-b", "master"], "git dir": [str(desk.clone / ".git")]}[where]
    assert desk.run("pin", *words) == desk.run("pin", "--url", desk.url)


def test_a_branch_is_pinned_as_it_is_on_the_server(desk: Desk) -> None:
    done = desk.run("pin", desk.url, "-b", "build-115", "-m", "release.xml")
    assert f'name="coreos/etcd" path="src/third_party/etcd" revision="{desk.seeded.etcd_pin}"' in done.out


def test_a_clone_may_call_its_remote_by_another_name(desk: Desk) -> None:
    expected = desk.run("pin", "-b", "master")
    desk.git("remote", "rename", "origin", "up")
    assert desk.run("pin", "-b", "master", "--remote", "up") == expected
    assert "this repository has no remote origin, only up; name one that it has" in desk.run("pin", "-b", "master").err


def test_a_branch_that_is_not_there_is_refused(desk: Desk) -> None:
    assert desk.run("pin", desk.url, "-b", "build-1").err.startswith("There is no branch 'build-1' in this repository")


def test_includes_are_read_and_written_as_one(desk: Desk) -> None:
    (desk.clone / "sub").mkdir()
    (desk.clone / "sub" / "more.xml").write_text(f"<manifest>{ETCD}</manifest>")
    done = pin(desk, HEAD + '<include name="sub/more.xml"/></manifest>')
    assert f'<project name="coreos/etcd" revision="{head(desk, "coreos/etcd")}"' in done.out
    assert "<include" not in done.out


def test_local_manifests_are_added_last(desk: Desk) -> None:
    local = desk.home / "local"
    local.mkdir()
    (local / "mine.xml").write_text(
        '<manifest><remove-project name="coreos/etcd"/><project name="coreos/fleet" path="f"/></manifest>'
    )
    done = pin(desk, HEAD + ETCD + "</manifest>", "--local-manifests", str(local))
    assert "coreos/etcd" not in done.out
    assert f'revision="{head(desk, "coreos/fleet")}" upstream="master"' in done.out


@pytest.mark.parametrize(
    ("groups", "names"),
    [
        ([], {"coreos/etcd"}),
        (["-g", "all"], {"coreos/etcd", "coreos/init"}),
        (["-g", "boot"], {"coreos/init"}),
        (["-g", "default,boot"], {"coreos/etcd", "coreos/init"}),
        (["-g", "all,-boot"], {"coreos/etcd"}),
    ],
)
def test_groups_choose_the_projects(desk: Desk, groups: list[str], names: set[str]) -> None:
    done = pin(desk, HEAD + ETCD + INIT + "</manifest>", *groups)
    assert {name for name in ("coreos/etcd", "coreos/init") if name in done.out} == names


def test_the_answer_is_written_to_a_file(desk: Desk) -> None:
    done = pin(desk, HEAD + ETCD + "</manifest>", "-o", "pinned.xml")
    assert (done.status, done.out) == (0, "")
    assert (desk.clone / "pinned.xml").read_text() == pin(desk, HEAD + ETCD + "</manifest>").out


def test_a_tag_is_pinned_to_the_commit_that_it_stands_for(desk: Desk) -> None:
    git = desk.bare("coreos/etcd").git
    git.run("-c", "user.name=x", "-c", "user.email=x@example.com", "tag", "-a", "-m", "x", "v1", "master")
    done = pin(desk, HEAD + '<project name="coreos/etcd" revision="refs/tags/v1"/></manifest>')
    assert f'revision="{head(desk, "coreos/etcd")}" upstream="refs/tags/v1"' in done.out


def test_what_upstream_and_dest_branch_would_say_can_be_left_out(desk: Desk) -> None:
    done = pin(desk, HEAD + ETCD + "</manifest>", "--suppress-upstream-revision", "--suppress-dest-branch")
    assert f'<project name="coreos/etcd" revision="{head(desk, "coreos/etcd")}"/>' in done.out


def test_attributes_come_in_either_order(desk: Desk) -> None:
    text = HEAD + '<project name="coreos/etcd" path="a"/></manifest>'
    assert 'name="coreos/etcd" path="a" revision="' in pin(desk, text).out
    assert (
        '<project dest-branch="master" name="coreos/etcd" path="a" revision="' in pin(desk, text, "--alphabetical").out
    )


def test_a_pin_is_taken_as_it_is_for_no_ref_can_deny_it(desk: Desk) -> None:
    commit = "1" * 40
    done = pin(desk, f'{HEAD}<project name="coreos/etcd" revision="{commit}"/></manifest>')
    assert (done.status, f'revision="{commit}"' in done.out) == (0, True)
    assert not [asked for asked in desk.server.asked if "etcd" in asked.path]


def test_oddities_are_warnings_that_stop_nothing(desk: Desk) -> None:
    done = pin(desk, HEAD + '<project name="coreos/etcd" strange="1"/><odd/></manifest>')
    assert done.status == 0
    assert done.err.splitlines() == [
        "warning: `m.xml`, line 1: <project> has no attribute `strange`: it is ignored.",
        "warning: `m.xml`, line 1: <manifest> has no <odd>: it is ignored.",
    ]
    assert "<project" in done.out
    assert "odd" not in done.out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEAD + "<project", "`m.xml`, line 1, column "),
        (
            HEAD + '<project name="coreos/etcd" revision="nosuch"/></manifest>',
            "`coreos/etcd` has no `refs/heads/nosuch`.",
        ),
        (HEAD + '<include name="nosuch.xml"/></manifest>', "`m.xml`, line 1: the included file `nosuch.xml` is not"),
        (
            HEAD + '<include name="../m.xml"/></manifest>',
            "`m.xml`, line 1: the name `../m.xml` of <include> is refused",
        ),
    ],
    ids=["broken", "unknown ref", "missing include", "include from outside"],
)
def test_what_cannot_be_pinned_is_refused_in_a_sentence(desk: Desk, text: str, sentence: str) -> None:
    done = pin(desk, text)
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith(sentence)


def test_a_relative_address_needs_the_manifest_repositorys_own(desk: Desk) -> None:
    done = desk.run("pin")
    assert (done.status, done.out) == (3, "")
    assert "The remote github has an address that starts from the manifest repository's own" in done.err
    assert "--url https://HOST/OWNER/NAME" in done.err


def test_all_repositories_that_cannot_be_read_are_named_at_once(desk: Desk) -> None:
    many = "".join(f'<project name="coreos/no{number}"/>' for number in range(7))
    done = pin(desk, HEAD + ETCD + many + "</manifest>")
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("7 of 8 repositories could not be read (coreos/no0: there is no such repository; ")
    assert "coreos/no4: there is no such repository; and 2 more)" in done.err


def test_a_repository_that_may_answer_another_time_ends_with_1(desk: Desk) -> None:
    desk.server.rules.append(lambda asked: Reply(503) if "etcd" in asked.path else None)
    done = pin(desk, HEAD + ETCD + "</manifest>")
    assert (done.status, done.out) == (1, "")
    assert done.err == "1 of 1 repositories could not be read (coreos/etcd: the server answered 503, 3 tries).\n"


def test_a_host_that_may_not_be_asked_is_refused_with_the_option_that_allows_it(desk: Desk) -> None:
    done = desk.run("pin", "--url", "https://git.example.com/coreos/manifest")
    assert (done.status, done.out) == (3, "")
    assert done.err.endswith(
        "`--host HOST` allows another host, `--origin http://HOST:PORT` one server without https.\n"
    )


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["-o", "nosuch/x.xml"], "nosuch/x.xml cannot be written: No such file or directory."),
        (["--local-manifests", "nosuch"], "--local-manifests names nosuch, which is no folder."),
        (["-m", "nosuch.xml"], "The manifest `nosuch.xml` is not in this commit."),
    ],
)
def test_places_that_do_not_exist_are_named(desk: Desk, more: list[str], sentence: str) -> None:
    done = desk.run("pin", "--url", desk.url, *more)
    assert done.status in (2, 3)
    assert done.err == f"{sentence}\n"


def test_a_manifest_may_have_any_name(desk: Desk) -> None:
    path = desk.home / "a manifest"
    path.write_text(HEAD + ETCD + "</manifest>")
    assert desk.run("pin", str(path), "--url", desk.url).status == 0


def test_a_link_that_leads_out_of_the_folder_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "secret.xml").write_text(HEAD + ETCD + "</manifest>")
    (desk.clone / "link.xml").symlink_to(tmp_path / "secret.xml")
    done = desk.run("pin", "-m", "link.xml", "--url", desk.url)
    assert (done.status, done.out) == (3, "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["default.xml", "-m", "release.xml"], "--manifest means nothing here, for default.xml is a file: name"),
        (["default.xml", "-b", "build-115"], "--branch means nothing here, for default.xml is a file: name"),
        (["default.xml", "-b", "build-115", "-m", "release.xml"], "--manifest means nothing here, for default.xml is"),
        (["sub", "-b", "build-115"], "--branch means nothing here, for sub is not the top folder of a repository:"),
        (["default.xml", "--remote", "up"], "--remote means nothing here, for default.xml is a file: name"),
        (["--remote", "up"], "--remote means nothing here, for the files are read as they lie there: name a branch"),
    ],
    ids=["file -m", "file -b", "file -b -m", "folder -b", "file --remote", "folder --remote"],
)
def test_an_option_that_would_mean_nothing_is_not_passed_over(desk: Desk, words: list[str], sentence: str) -> None:
    (desk.clone / "sub").mkdir()
    (desk.clone / "sub" / "default.xml").write_text(HEAD + ETCD + "</manifest>")
    done = desk.run("pin", *words, "--url", desk.url)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(sentence)
    assert done.err.count("\n") == 1
