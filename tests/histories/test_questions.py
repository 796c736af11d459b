"""How commits relate is told from what was fetched: which ids are meant, who holds a commit, what lies between two."""

from __future__ import annotations

import hashlib
import random

import pytest

from bot.core.hub import Comparison
from bot.histories import Histories
from tests.git_server import FILES, GitServer, Project
from tests.histories.conftest import MASTER, NEXT, TAG, UNKNOWN, chain, heads


def twins(project: Project) -> tuple[str, str]:
    """Two commits whose ids begin with the same seven digits."""
    tree, seen = project.tree(FILES), dict[str, bytes]()
    who = "somebody <somebody@example.com> 1382572800 +0000"
    for number in range(1_000_000):
        payload = f"tree {tree}\nauthor {who}\ncommitter {who}\n\ntry {number}\n".encode()
        # git's names for objects are of this kind
        begin = hashlib.sha1(b"commit %d\0" % len(payload) + payload, usedforsecurity=False).hexdigest()[:7]
        if begin in seen:
            pair = [
                project.git("hash-object", "-w", "-t", "commit", "--stdin", data=each)
                for each in (seen[begin], payload)
            ]
            return pair[0], pair[1]
        seen[begin] = payload
    raise AssertionError("seven digits repeat long before")


# Short ids


def test_a_short_id_is_lengthened_wherever_on_a_branch_or_tag_it_is(
    histories: Histories, project: Project, url: str
) -> None:
    first, second, _ = chain(project, 3)
    tagged = project.commit(FILES, second, ref=None, message="only tagged")
    project.tag("v1", tagged)
    for commit in (first, second, tagged):
        assert histories.lengthen(url, heads(project), commit[:7]) == (commit,)
        assert histories.lengthen(url, heads(project), commit[:39]) == (commit,)


def test_a_short_id_that_fits_two_commits_gives_both(histories: Histories, project: Project, url: str) -> None:
    one, other = twins(project)
    project.git("update-ref", MASTER, one)
    project.git("update-ref", NEXT, other)
    assert histories.lengthen(url, heads(project), one[:7]) == tuple(sorted((one, other)))


def test_a_commit_that_only_a_pull_request_has_makes_no_short_id_ambiguous(
    histories: Histories, project: Project, url: str
) -> None:
    one, other = twins(project)
    project.git("update-ref", MASTER, one)
    project.git("update-ref", "refs/pull/1/head", other)
    assert histories.lengthen(url, heads(project), one[:7]) == (one,)


@pytest.mark.parametrize("text", ["abc123", "A" * 7, "a" * 40, "--help!", "1234567\n", "HEAD~12", "", "１２３４５６７"])  # noqa: RUF001 - other digits
def test_what_is_no_short_id_is_no_question(text: str, histories: Histories, server: GitServer, url: str) -> None:
    with pytest.raises(ValueError, match="short commit id"):
        histories.lengthen(url, {MASTER: UNKNOWN}, text)
    for bad in (text, f"--output={text}", f"^{UNKNOWN}"):
        with pytest.raises(ValueError, match="object id"):
            histories.compare(url, {MASTER: UNKNOWN}, bad[:39], UNKNOWN)
        with pytest.raises(ValueError, match="object id"):
            histories.holding(url, {MASTER: UNKNOWN}, bad[:39], [MASTER])
    assert server.asked == []


# Which branch holds it


def test_each_ref_that_reaches_a_commit_is_told_by_whatever_way(
    histories: Histories, project: Project, url: str
) -> None:
    base = chain(project, 2)[-1]
    side = chain(project, 2, base, ref=None, word="side")[-1]
    project.commit(FILES, base, side, message="merge")
    project.commit(FILES, base, ref=NEXT, message="elsewhere")
    project.tag("v1", side)
    every = heads(project)
    assert histories.holding(url, every, base, [MASTER, NEXT, TAG]) == {MASTER: True, NEXT: True, TAG: True}
    assert histories.holding(url, every, side, [MASTER, NEXT, TAG]) == {MASTER: True, NEXT: False, TAG: True}
    assert histories.holding(url, every, every[NEXT], [NEXT, MASTER]) == {NEXT: True, MASTER: False}
    assert histories.holding(url, every, side, ["refs/heads/none", "HEAD"]) == {"refs/heads/none": False, "HEAD": False}


def test_a_detached_head_and_a_pull_request_hold_nothing(histories: Histories, project: Project, url: str) -> None:
    chain(project, 1)
    loose = project.commit(FILES, ref="refs/pull/1/head", message="a fork's")
    every = {**heads(project), "HEAD": loose, "refs/pull/1/head": loose}
    refs = [MASTER, "HEAD", "refs/pull/1/head"]
    assert histories.holding(url, every, loose, refs) == dict.fromkeys(refs, False)
    assert histories.lengthen(url, every, loose[:12]) == ()
    assert histories.compare(url, every, every[MASTER], loose) is None


# How two relate


def test_two_commits_are_compared_with_the_newest_subjects_first(
    histories: Histories, project: Project, url: str
) -> None:
    base, second, third = chain(project, 3)
    apart = project.commit(FILES, base, ref=NEXT, message="apart: ü\n\nlong\ncommit words")
    every = heads(project)
    assert histories.compare(url, every, base, third) == Comparison(2, 0, ("step 2", "step 1"))
    assert histories.compare(url, every, third, base) == Comparison(0, 2)
    assert histories.compare(url, every, second, apart) == Comparison(1, 1, ("apart: ü",))
    assert histories.compare(url, every, base, base) == Comparison(0, 0)


def test_subjects_are_the_newest_250_of_a_long_way(histories: Histories, project: Project, url: str) -> None:
    rows = [f"commit {MASTER}\ncommitter A <a@example.com> {9 + n} +0000\ndata <<END\ns {n}\nEND\n" for n in range(400)]
    project.git("fast-import", "--quiet", data="".join(rows).encode())
    first = project.git("rev-list", "--max-parents=0", MASTER)
    found = histories.compare(url, heads(project), first, heads(project)[MASTER])
    assert found == Comparison(399, 0, tuple(f"s {number}" for number in range(399, 149, -1)))


def test_a_commit_without_words_has_an_empty_subject(histories: Histories, project: Project, url: str) -> None:
    base = project.commit(FILES)
    tip = project.git("commit-tree", "-p", base, f"{base}^{{tree}}", data=b"")
    project.git("update-ref", MASTER, tip)
    assert histories.compare(url, heads(project), base, tip) == Comparison(1, 0, ("",))


@pytest.mark.parametrize("seed", range(4))
def test_all_answers_agree_with_sets_however_crooked_the_dates(
    seed: int, histories: Histories, project: Project, url: str
) -> None:
    dice = random.Random(seed)
    script, parents = "", dict[int, list[int]]()
    for number in range(1, 121):
        parents[number] = dice.sample(range(max(1, number - 20), number), min(number - 1, dice.choice((1, 1, 1, 2))))
        date = dice.choice((1, 1_400_000_000, 2_000_000_000)) + dice.randrange(1000)
        script += f"commit refs/heads/b{number % 7}\nmark :{number}\ncommitter A <a@example.com> {date} +0000\n"
        script += f"data 1\n{number % 10}\n" + ("" if parents[number] else "deleteall\n")
        script += "".join(f"{'merge' if at else 'from'} :{of}\n" for at, of in enumerate(parents[number]))
    marks = project.path / "marks"
    project.git("fast-import", "--quiet", "--force", f"--export-marks={marks}", data=script.encode())
    ids = {int(row.split()[0][1:]): row.split()[1] for row in marks.read_text().splitlines()}
    past = dict[str, set[str]]()
    for number, commit in ids.items():
        past[commit] = {commit}.union(*(past[ids[each]] for each in parents[number]))
    every = heads(project)
    reached = set().union(*(past[tip] for tip in every.values()))
    for commit in dice.sample(sorted(ids.values()), 12):
        assert histories.holding(url, every, commit, list(every)) == {ref: commit in past[every[ref]] for ref in every}
        assert histories.lengthen(url, every, commit[:20]) == ((commit,) if commit in reached else ())
        other = dice.choice(sorted(reached))
        found = histories.compare(url, every, commit, other)
        if commit not in reached:
            assert found is None
        else:
            assert found is not None
            assert (found.ahead, found.behind) == (len(past[other] - past[commit]), len(past[commit] - past[other]))
            assert len(found.subjects) == found.ahead


def test_a_branch_with_invented_dates_is_counted_as_it_is(histories: Histories, project: Project, url: str) -> None:
    def dated(start: int, count: int, *parents: str, ref: str) -> str:
        tip, tree = list(parents), project.tree(FILES)
        for date in range(start, start + count):
            options = [word for parent in tip for word in ("-p", parent)]
            tip = [project.git("commit-tree", tree, *options, "-m", f"at {date}", GIT_COMMITTER_DATE=f"@{date} +0000")]
        project.git("update-ref", ref, *tip)
        return tip[0]

    base = dated(1_500_000_000, 20, ref=MASTER)
    ancient = dated(100, 30, base, ref=NEXT)
    later = dated(1_600_000_000, 3, base, ref=MASTER)
    subjects = ("at 1600000002", "at 1600000001", "at 1600000000")
    assert histories.compare(url, heads(project), ancient, later) == Comparison(3, 30, subjects)


def test_names_of_refs_and_settings_of_the_machine_do_not_reach_the_questions(
    histories: Histories, project: Project, url: str
) -> None:
    first, last = chain(project, 2)
    for name in ("-x", "--all", "HEAD", f"{first[:7]}", "ü", "a;b", "odd}", "x" * 200):
        project.git("update-ref", f"refs/heads/{name}", last)
        project.git("update-ref", f"refs/tags/{name}", last)
    every = heads(project)
    assert histories.holding(url, every, first, list(every)) == dict.fromkeys(every, True)
    assert histories.lengthen(url, every, first[:7]) == (first,)
    assert histories.compare(url, every, first, last) == Comparison(1, 0, ("step 1",))


def test_a_repository_that_holds_no_commit_at_all_knows_none(histories: Histories, project: Project, url: str) -> None:
    project.git("update-ref", TAG, project.tree(FILES))
    every = heads(project)
    assert histories.lengthen(url, every, every[TAG][:7]) == ()
    assert histories.holding(url, every, every[TAG], [TAG]) == {TAG: False}
