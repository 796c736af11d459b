"""The oracle tells of every invariant that is broken; here each is broken once by somebody with the App's own token."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3

from sandbox import Sandbox
from sandbox.bare import CLEAN, ZERO
from sandbox.person import Person
from sandbox.seed import commit_files
from sandbox.state import Token
from tests.oracle import Oracle
from tests.stage import MANIFEST, SECRET, Stage, stage
from tests.timeline import LOG

TAG = "v115.0.1"
TAGREF = f"refs/tags/{TAG}"
PROPOSED = f"refs/heads/release-bot/{TAG}"
CHANNEL = "refs/heads/dev-channel"
LINE = "refs/heads/build-115"
ASKED = "/release patch build-115"


@dataclass
class Double:
    """Does by hand what the bot does, and what it must never do."""

    play: Stage
    oracle: Oracle
    person: Person
    token: str
    pull: int = 0
    comment: int = 0

    @property
    def sandbox(self) -> Sandbox:
        return self.play.sandbox

    def git(self, *arguments: str, data: bytes | None = None) -> str:
        return self.play.seeded.manifest.git.run(*arguments, data=data)

    def push(self, *specs: str) -> None:
        """Push objects that the server has already, as the App, in one transaction."""
        url = self.sandbox.url.replace("://", f"://x-access-token:{self.token}@") + f"/{MANIFEST}"
        command = ["git", "push", "--quiet", "--atomic", "--force", url, *specs]
        subprocess.run(command, cwd=self.play.seeded.manifest.path, env=CLEAN, check=True, capture_output=True)

    def commit(self, parent: str, path: str = "version.txt", more: str = "") -> str:
        """A commit that changes one file."""
        git = self.play.seeded.manifest.git
        blob = git.run("hash-object", "-w", "--stdin", data=b"changed\n")
        rows = [row for row in git.run("ls-tree", parent).splitlines() if not row.endswith(f"\t{path}")]
        tree = git.run("mktree", data=("\n".join([*rows, f"100644 blob {blob}\t{path}"]) + "\n").encode())
        message = f"build-115: release {TAG}\n\nRequested-by: octocat\nPlan: sha256:abc\n{more}"
        return git.commit_tree(tree, [parent], message, "Bot <bot@bots.example>", datetime.now(UTC))

    def propose(self, login: str = "octocat") -> None:
        """Somebody asks, and a pull request is opened."""
        issue, self.comment = self.play.ask(ASKED, login)
        assert self.sandbox.wait_idle()
        head = self.commit(self.play.refs()[LINE])
        self.push(f"{head}:{PROPOSED}")
        body = (
            "| `dev-channel` | `x` (115.0.0) | merge commit | newer version: moves |\n3. start **image-build.yml** in"
        )
        self.pull = self.person.open_pull(MANIFEST, PROPOSED.removeprefix("refs/heads/"), "build-115", "release", body)
        self.say(issue, f"reply {self.comment}")

    def tag(self, commit: str, plan: str = "abc", name: str = TAG) -> str:
        """A tag object."""
        text = (
            f"object {commit}\ntype commit\ntag {name}\ntagger A <a@b> 1382572800 +0000\n\nx\n\nPlan: sha256:{plan}\n"
        )
        return self.git("hash-object", "-w", "-t", "tag", "--stdin", data=text.encode())

    def publish(self) -> str:
        """Merge and do all that follows; the merge commit."""
        merged = self.play.person("hubot").merge(MANIFEST, self.pull)
        self.push(f"{self.tag(merged)}:{TAGREF}")
        self.push(f"{merged}:{CHANNEL}")
        self.build("one")
        self.say(self.pull, f"progress {TAG}")
        self.say(self.pull, f"end {TAG} 1 1")
        return merged

    def build(self, correlation: str) -> None:
        inputs = {"tag": TAG, "correlation_id": correlation, "formats": "qemu"}
        path = "/repos/coreos/scripts/actions/workflows/image-build.yml/dispatches"
        self.person.ask("POST", path, {"ref": "master", "inputs": inputs})

    def say(self, issue: int, marker: str) -> None:
        self.person.comment(MANIFEST, issue, f"Done.\n\n<!-- manifest-release-bot:{marker} -->")

    def told(self, final: bool = False) -> list[str]:
        return [fault.split(" ")[0] for fault in self.oracle.faults(final)]


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Double]:
    with stage(tmp_path) as play:
        world = play.sandbox.world
        installation = world.installations[play.installation]
        ends = datetime.now(UTC) + timedelta(hours=1)
        token = Token("ghs_" + "x" * 36, installation, play.app.permissions, tuple(installation.repositories), ends)
        world.tokens[token.value] = token
        person = Person(play.sandbox.api_url, token.value, urllib3.PoolManager())
        logs = [tmp_path / "worker.log"]
        oracle = Oracle(play.sandbox, MANIFEST, [tmp_path / "data"], logs, may_stop=False).watch()
        yield Double(play, oracle, person, token.value)


def test_a_right_release_has_no_faults(double: Double) -> None:
    double.propose()
    assert double.oracle.faults() == []
    double.publish()
    assert double.oracle.faults(final=True) == []
    assert double.oracle.settled() == []
    assert double.oracle.dispatches() == {TAG: 1}


def test_a_tag_that_moves_is_told_even_when_it_moves_back(double: Double) -> None:
    double.propose()
    double.publish()
    was = double.play.refs()[TAGREF]
    double.push(f"{double.tag(double.play.refs()[LINE], 'other')}:{TAGREF}")
    double.push(f"{was}:{TAGREF}")
    assert double.told() == ["I1", "I1"]


def test_a_tag_that_is_deleted_and_made_again_is_told(double: Double) -> None:
    double.propose()
    double.publish()
    double.push(f":{TAGREF}")
    double.push(f"{double.tag(double.play.refs()[LINE], 'abc')}:{TAGREF}")
    assert double.oracle.faults() == [f"I1 {TAGREF} was deleted"]
    assert double.play.refs()[TAGREF] != ZERO


def test_a_tag_before_the_merge_is_told(double: Double) -> None:
    double.propose()
    double.push(f"{double.tag(double.play.refs()[PROPOSED])}:{TAGREF}")
    assert "is the merge of no pull request for it" in double.oracle.faults()[0]


@pytest.mark.parametrize("wrong", ["lightweight", "plan", "other commit", "too low"])
def test_a_tag_without_all_proofs_is_told(double: Double, wrong: str) -> None:
    double.propose()
    if wrong == "other commit":
        commit_files(double.play.seeded.manifest, "release-bot/" + TAG, {"evil": ("100755", b"x\n")}, "sneak this in")
        repository = double.sandbox.world.repository(MANIFEST)
        assert repository is not None
        double.sandbox.pushed(repository, {}, double.sandbox.user("octocat"))
    if wrong == "too low":
        double.git("update-ref", "refs/tags/v115.0.7", double.play.refs()[LINE])
    merged = double.play.person("hubot").merge(MANIFEST, double.pull)
    tag = merged if wrong == "lightweight" else double.tag(merged, "other" if wrong == "plan" else "abc")
    double.push(f"{tag}:{TAGREF}")
    assert "I2" in double.told()


def test_what_people_do_to_tags_is_not_the_bots_fault(double: Double) -> None:
    double.git("update-ref", "refs/tags/v115.0.9", double.play.refs()[LINE])
    double.git("update-ref", "-d", "refs/tags/v115.0.0")
    assert double.oracle.faults() == []


@pytest.mark.parametrize("ref", [LINE, CHANNEL, "refs/heads/master"])
def test_a_branch_that_the_bot_moves_to_what_is_not_released_is_told(double: Double, ref: str) -> None:
    double.push(f"{double.commit(double.play.refs()[ref])}:{ref}")
    assert double.told() == ["I3"]


@pytest.mark.parametrize(("ref", "told"), [(LINE, ["I3"]), (CHANNEL, ["I3"])])
def test_a_branch_that_the_bot_moves_back_is_told(double: Double, ref: str, told: list[str]) -> None:
    double.push(f"{double.play.refs()['refs/tags/v109.0.0^{}']}:{ref}")
    assert double.told() == told


@pytest.mark.parametrize(("who", "told"), [("", []), ("manifest-release-bot[bot]", ["I3 dev-channel"])])
def test_a_change_whose_end_git_did_not_report_is_of_who_began_it(double: Double, who: str, told: list[str]) -> None:
    old, new = double.git("rev-parse", CHANNEL), double.git("rev-parse", "master")
    with (double.play.seeded.manifest.path / LOG).open("a") as log:
        log.write(f"~ {who}\n{old} {new} {CHANNEL}\n")
    double.git("-c", "core.hooksPath=/nowhere", "update-ref", CHANNEL, new)
    assert [fault[: len("I3 dev-channel")] for fault in double.oracle.faults()] == told


def test_a_channel_that_was_left_behind_is_told(double: Double) -> None:
    double.propose()
    double.publish()
    before = double.play.refs()["refs/tags/v115.0.0^{}"]
    double.push(f"{before}:{CHANNEL}")
    assert [fault for fault in double.oracle.faults(final=True) if fault.endswith(f"dev-channel is not at {TAG}")]


def test_a_line_without_its_release_is_told(double: Double) -> None:
    double.propose()
    merged = double.publish()
    double.push(f"{merged}:refs/heads/build-777")
    assert double.told(final=True) == ["I4"]


def test_a_tag_whose_line_is_missing_is_told(double: Double) -> None:
    double.propose()
    double.publish()
    double.push(f":{LINE}")
    assert double.told(final=True) == ["I3", "I4"]


def test_twins_of_a_build_are_counted_and_a_second_build_is_told(double: Double) -> None:
    double.propose()
    double.publish()
    double.build("one")
    assert double.oracle.faults(final=True) == []
    assert double.oracle.dispatches() == {TAG: 2}
    double.build("two")
    assert double.told() == ["I5"]


def test_a_second_pull_request_for_a_version_is_told(double: Double) -> None:
    double.propose()
    double.publish()
    double.play.ask(ASKED)
    assert double.sandbox.wait_idle()
    double.push(f"{double.commit(double.play.refs()[LINE], more='Again: yes')}:{PROPOSED}")
    double.person.open_pull(MANIFEST, PROPOSED.removeprefix("refs/heads/"), "build-115", "release", "again")
    assert double.told() == ["I6"]


def test_a_second_answer_is_told(double: Double) -> None:
    double.propose()
    double.say(1, f"reply {double.comment}")
    assert double.told() == ["I7"]


def test_a_command_without_an_answer_is_told_in_the_end(double: Double) -> None:
    double.play.ask("/release help")
    assert double.sandbox.wait_idle()
    assert double.told() == []
    assert double.told(final=True) == ["I7"]


def test_a_proposal_that_nobody_with_the_right_asked_for_is_told(double: Double) -> None:
    double.propose("mallory")
    assert double.told() == ["I8"]


def test_a_merge_by_the_bot_is_told(double: Double) -> None:
    double.propose()
    double.person.merge(MANIFEST, double.pull)
    assert double.told() == ["I8"]


def test_a_merge_that_led_to_nothing_is_told_in_the_end(double: Double) -> None:
    double.propose()
    double.play.person("hubot").merge(MANIFEST, double.pull)
    assert double.told() == []
    assert double.told(final=True) == ["I2"]
    double.say(double.pull, f"stopped {double.pull}")
    assert double.oracle.faults(final=True) == [f"I2 #{double.pull} is stopped"]


def test_a_secret_in_a_log_a_store_or_a_comment_is_told(double: Double) -> None:
    (double.play.root / "worker.log").write_text(f"the secret is {SECRET}\n")
    (double.play.root / "data").mkdir()
    (double.play.root / "data" / "config").write_text(double.token)
    double.person.comment(MANIFEST, double.play.person("octocat").open_issue(MANIFEST, "x"), double.token)
    assert double.told(final=True) == ["I9", "I9", "I9"]


def test_a_delivery_that_was_taken_and_lost_is_told(double: Double) -> None:
    double.play.migrate()
    double.play.start("web")
    double.play.ask("/release help", "mallory")
    assert double.sandbox.wait_idle()
    assert double.told(final=True) == []
    double.play.stop()
    subprocess.run(["rm", "-r", str(double.play.root / "data")], check=True)
    double.play.migrate()
    assert double.told(final=True) == ["I10"]
