"""Through whatever clone or address, a person sees the server's refs and pushes, and finds the clone as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.objects import Identity, tag_payload
from bot.core.push import RefUpdate
from bot.core.tree import Entry
from bot.hand.clone import Clone
from bot.outage import Denied, Outage
from tests.git_server import FILES
from tests.hand.conftest import BUILD, HOLD, MASTER, TAG, Folder, World

NEW, WHEN = "refs/tags/v115.1.0", datetime(2013, 10, 26, tzinfo=UTC)
Laid = Callable[[World, Path], Path]


def plain(world: World, tmp: Path) -> Path:
    return world.clone(tmp / "clone").path


def below(world: World, tmp: Path) -> Path:
    return world.clone(tmp / "clone").path / "docs"


def dirty(world: World, tmp: Path) -> Path:
    folder = world.clone(tmp / "clone")
    (folder.path / "version.txt").write_text("changed")
    (folder.path / "untracked").write_text("new")
    folder.git("add", "version.txt")
    folder.git("fetch", "-q", "origin", "build-115")
    return folder.path


def worktree(world: World, tmp: Path) -> Path:
    world.clone(tmp / "clone").git("worktree", "add", "-q", "--detach", str(tmp / "worktree"))
    return tmp / "worktree"


def of_repo(world: World, tmp: Path) -> Path:
    """As `repo init` lays it out: a folder `.git` whose entries are links into a bare-looking git dir."""
    store, work = tmp / ".repo" / "manifests.git", tmp / ".repo" / "manifests"
    world.clone(work).git("checkout", "-q", "-b", "default", "--track", "origin/master")
    (work / ".git").rename(store)
    (work / ".git").mkdir()
    for entry in list(store.iterdir()):
        if entry.name in ("HEAD", "index"):
            entry.rename(work / ".git" / entry.name)
        else:
            (work / ".git" / entry.name).symlink_to(Path("..", "..", "manifests.git", entry.name))
    (store / "HEAD").write_text("ref: refs/heads/default\n")
    return work


def of_repo_of_today(world: World, tmp: Path) -> Path:
    """The same with `.git` itself as the link."""
    store, work = tmp / ".repo" / "manifests.git", tmp / ".repo" / "manifests"
    world.clone(work)
    (work / ".git").rename(store)
    (work / ".git").symlink_to(Path("..", "manifests.git"))
    return work


def bare(world: World, tmp: Path) -> Path:
    return world.clone(tmp / "bare.git", "--bare").path


def mirrored(world: World, tmp: Path) -> Path:
    return world.clone(tmp / "mirrored.git", "--mirror").path


@pytest.mark.parametrize(
    "laid", [plain, below, dirty, worktree, of_repo, of_repo_of_today, bare, mirrored], ids=lambda laid: laid.__name__
)
def test_a_clone_of_any_kind_is_a_way_to_the_server_and_stays_as_it_is(
    laid: Laid, world: World, tmp_path: Path
) -> None:
    where = laid(world, tmp_path)
    later = world.later()
    before = Folder(where).state()
    with Clone.open(str(where), tmp_path / "scratch") as clone:
        refs = clone.refs()
        assert refs == {
            BUILD: later,
            MASTER: world.commits[0],
            HOLD: world.commits[0],
            TAG: world.tag,
            f"{TAG}^{{}}": world.commits[1],
        }
        clone.fetch(refs)
        assert set(clone.tree(later)) == {"later"}
        assert clone.is_ancestor(world.commits[0], later)
        tree = clone.write_tree(later, {"docs/new": Entry("100644", b"new")})
        assert tree != clone.commit(later).tree
        tag = clone.write("tag", tag_payload(later, "v115.1.0", Identity("A", "a@b"), WHEN, ""))
        result = clone.push([RefUpdate(NEW, None, tag), RefUpdate(MASTER, world.commits[0], later)])
        assert result.ok
        assert (clone.url, clone.place.url, clone.place.name) == (world.url, world.url, "manifest")
    assert world.project.refs()[NEW] == tag
    assert world.project.refs()[MASTER] == later
    assert Folder(where).state() == before
    assert not (tmp_path / "scratch").exists()


def test_what_was_fetched_is_not_fetched_again(world: World, tmp_path: Path) -> None:
    where = plain(world, tmp_path)
    world.later()
    for number in range(2):
        world.server.asked.clear()
        with Clone.open(str(where), tmp_path / "scratch") as clone:
            clone.fetch(clone.refs())
        posts = sum(asked.method == "POST" for asked in world.server.asked)
        assert posts == (1 if number else posts)
    assert posts == 1


def test_what_gits_own_check_refuses_is_not_fetched_whatever_the_persons_settings_are(
    world: World, tmp_path: Path
) -> None:
    folder = Folder(plain(world, tmp_path))
    for section in ("transfer", "fetch"):
        folder.git("config", f"{section}.fsckObjects", "false")
    bad = f"tree {world.project.tree(FILES)}\nauthor nobody\ncommitter A <a@b> 1 +0000\n\nx\n".encode()
    made = world.project.git("hash-object", "-w", "-t", "commit", "--literally", "--stdin", data=bad)
    world.project.git("update-ref", BUILD, made)
    with (
        Clone.open(str(folder.path), tmp_path / "scratch") as clone,
        pytest.raises(Denied, match="git's own check refuses"),
    ):
        clone.fetch(clone.refs())


def test_history_is_the_servers_and_not_that_of_branches_which_only_the_clone_has(world: World, tmp_path: Path) -> None:
    folder = Folder(plain(world, tmp_path))
    (folder.path / "version.txt").write_text("COREOS_BUILD=999\n")
    folder.git("commit", "-qam", "mine")
    folder.git("config", "log.showSignature", "true")
    world.project.git("update-ref", "refs/tags/no-commit", world.project.git("hash-object", "-w", "--stdin", data=b"x"))
    made = world.project.commit({"version.txt": "COREOS_BUILD=116\n"}, world.commits[-1], ref=None)
    signed = world.project.git("cat-file", "commit", made).replace("\n\n", "\ngpgsig -----BEGIN NOTHING-----\n\n", 1)
    later = world.project.git("hash-object", "-w", "-t", "commit", "--stdin", data=signed.encode() + b"\n")
    world.project.git("update-ref", BUILD, later)
    with Clone.open(str(folder.path), tmp_path / "scratch") as clone:
        clone.fetch(clone.refs())
        history = dict(clone.history_of("version.txt", 10))
    assert history == {later: b"COREOS_BUILD=116\n", world.commits[0]: b"COREOS_BUILD=115\n"}


def http(world: World) -> str:
    return world.url


def on_disk(world: World) -> str:
    return f"file://{world.project.path}"


@pytest.mark.parametrize("address", [http, on_disk], ids=["http on loopback", "file"])
def test_an_address_is_read_and_pushed_to_by_way_of_a_copy_that_is_kept(
    address: Callable[[World], str], world: World, tmp_path: Path
) -> None:
    where = address(world)
    for number in range(2):
        later = world.project.commit({"later": str(number)}, world.commits[-1], ref=BUILD)
        with Clone.open(where, tmp_path / "scratch") as clone:
            refs = clone.refs()
            assert refs[BUILD] == later
            assert refs[f"{TAG}^{{}}"] == world.commits[1]
            clone.fetch(refs)
            assert clone.tree(later).read("later") == str(number).encode()
            assert clone.push([RefUpdate(f"refs/heads/n{number}", None, later)]).ok
            assert (clone.url, clone.place.name) == (where, "manifest")
    assert world.project.refs()["refs/heads/n1"] == later
    assert len(list((tmp_path / "scratch").glob("*.git"))) == 1


def test_a_copy_that_is_damaged_is_made_anew(world: World, tmp_path: Path) -> None:
    with Clone.open(world.url, tmp_path / "scratch") as clone:
        clone.fetch(clone.refs())
    for pack in (tmp_path / "scratch").glob("*.git/objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40] + b"x" * 99)
    with pytest.raises(Outage, match="made anew"), Clone.open(world.url, tmp_path / "scratch") as clone:
        clone.fetch(clone.refs())
    with Clone.open(world.url, tmp_path / "scratch") as clone:
        clone.fetch(clone.refs())
        assert clone.tree(world.commits[0]).read("version.txt") == str(FILES["version.txt"]).encode()


# A repository that is itself the truth


def alone(world: World, tmp: Path) -> Folder:
    folder = world.clone(tmp / "alone")
    folder.git("branch", "build-115", world.commits[3])
    folder.git("remote", "remove", "origin")
    return folder


def test_without_a_remote_the_repository_itself_is_read_and_moved(world: World, tmp_path: Path) -> None:
    for folder in (Folder(world.project.path), alone(world, tmp_path)):
        with Clone.open(str(folder.path), tmp_path / "scratch") as clone:
            refs = clone.refs()
            assert {refs[MASTER], refs[TAG], refs[f"{TAG}^{{}}"]} == {world.commits[0], world.tag, world.commits[1]}
            clone.fetch(refs)
            tag = clone.write("tag", tag_payload(world.commits[3], "v115.1.0", Identity("A", "a@b"), WHEN, "x"))
            assert clone.place.name == folder.path.name.removesuffix(".git")
            wrong = RefUpdate(BUILD, world.commits[0], world.commits[1])
            assert not clone.push([RefUpdate(NEW, None, tag), wrong]).ok
            assert NEW not in clone.refs()
            assert clone.push([RefUpdate(NEW, None, tag), RefUpdate(BUILD, world.commits[3], world.commits[2])]).ok
            assert (clone.refs()[NEW], clone.refs()[BUILD]) == (tag, world.commits[2])


def test_a_branch_that_is_checked_out_does_not_move_under_its_work_tree(world: World, tmp_path: Path) -> None:
    folder = alone(world, tmp_path)
    before = folder.state()
    with (
        Clone.open(str(folder.path), tmp_path / "scratch") as clone,
        pytest.raises(Denied, match=r"checked out in .*alone; run `git switch --detach` there"),
    ):
        clone.push([RefUpdate(MASTER, world.commits[0], world.commits[1]), RefUpdate(NEW, None, world.commits[1])])
    assert folder.state() == before


def test_a_remote_of_another_name_is_chosen_and_never_guessed(world: World, tmp_path: Path) -> None:
    folder = world.clone(tmp_path / "clone", "--origin", "upstream")
    with pytest.raises(Denied, match="has no remote origin, only upstream"), Clone.open(str(folder.path), tmp_path):
        pass
    with Clone.open(str(folder.path), tmp_path / "scratch", remote="upstream") as clone:
        assert clone.refs()[BUILD] == world.commits[3]
    for name in ("--all", "a b", "", "."):
        with pytest.raises(Denied, match="no name of a remote"), Clone.open(str(folder.path), tmp_path, remote=name):
            pass


def test_a_relative_address_of_a_remote_is_relative_to_its_work_tree(world: World, tmp_path: Path) -> None:
    folder = world.clone(tmp_path / "deep" / "clone")
    folder.git("remote", "set-url", "origin", "../../served/manifest.git")
    with Clone.open(str(folder.path / "docs"), tmp_path / "scratch") as clone:
        assert clone.url == str(world.project.path)
        assert clone.refs()[HOLD] == world.commits[0]
        assert clone.push([RefUpdate(NEW, None, world.commits[0])]).ok


# Offline


@pytest.mark.parametrize("laid", [plain, worktree, of_repo, bare], ids=lambda laid: laid.__name__)
def test_offline_what_was_last_fetched_is_the_truth_and_nobody_is_asked(
    laid: Laid, world: World, tmp_path: Path
) -> None:
    where = laid(world, tmp_path)
    folder = Folder(where)
    folder.git("update-ref", "refs/heads/mine", world.commits[2])
    world.later()
    world.server.asked.clear()
    with Clone.open(str(where), tmp_path / "scratch", offline=True) as clone:
        refs = clone.refs()
        refs.pop("refs/heads/mine" if laid is bare else "", None)
        assert refs == {
            BUILD: world.commits[3],
            MASTER: world.commits[0],
            TAG: world.tag,
            f"{TAG}^{{}}": world.commits[1],
        }
        clone.fetch(refs)
        assert clone.tree(refs[BUILD]).read("a") == b"2"
        with pytest.raises(Denied, match="nothing is pushed offline"):
            clone.push([RefUpdate(NEW, None, world.commits[0])])
    assert not world.server.asked


def test_offline_an_address_is_what_its_copy_last_had(world: World, tmp_path: Path) -> None:
    with pytest.raises(Denied, match="ever fetched"), Clone.open(world.url, tmp_path / "scratch", offline=True):
        pass
    with Clone.open(world.url, tmp_path / "scratch") as clone:
        seen = clone.refs()
        clone.fetch(seen)
    world.later()
    world.server.asked.clear()
    with Clone.open(world.url, tmp_path / "scratch", offline=True) as clone:
        assert clone.refs() == seen
        clone.fetch(seen)
        assert clone.tree(seen[BUILD]).read("a") == b"2"
    assert not world.server.asked
