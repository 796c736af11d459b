"""What all commands by hand have in common: how they end, what they say where, and their completion in a shell."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from bot.core.command import Mistake, find
from bot.core.text import mistakes
from bot.hand.completion import SHELLS, script
from bot.hand.session import at_a_terminal
from tests.git_server import Asked, Reply
from tests.hand.seeded import NOW, PATIENCE, ROOT, Desk, desk as desk

LOOKS = [("plan", "new"), ("pin", "--url", "URL"), ("diff", "109.0.0", "115.0.0"), ("verify", "115.0.0")]


def typed(desk: Desk, words: tuple[str, ...]) -> list[str]:
    return desk.words(*(desk.url if word == "URL" else word for word in words))


@pytest.mark.parametrize("command", ["plan", "release", "pin", "diff", "verify"])
def test_the_help_of_each_command_says_how_it_ends(desk: Desk, command: str) -> None:
    done = desk.run(command, "--help")
    assert done.status == 0
    assert "  3    refused: the sentence on standard error says why" in done.out


@pytest.mark.parametrize("words", LOOKS, ids=lambda words: words[0])
def test_a_reader_who_has_seen_enough_is_no_error_to_talk_about(desk: Desk, words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        typed(desk, words), cwd=desk.clone, env=desk.env(), stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "words",
    [*LOOKS, ("plan", "--format", "json", "new")],
    ids=["plan", "pin", "diff", "verify", "plan as json"],
)
def test_words_that_find_no_room_are_an_error_in_a_sentence(desk: Desk, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            typed(desk, words), cwd=desk.clone, env=desk.env(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"The output cannot be written: No space left on device.\n")


@pytest.mark.parametrize("words", [("plan", "new"), ("verify", "115.0.0")], ids=lambda words: words[0])
def test_a_machine_without_git_is_told_so(desk: Desk, words: tuple[str, ...]) -> None:
    bare = desk.home / "bin"
    bare.mkdir()
    (bare / "env").symlink_to(shutil.which("env") or "")
    done = desk.run(*words, PATH=str(bare))
    assert (done.status, done.out, done.err) == (1, "", "there is no git program on this machine\n")


@pytest.mark.parametrize("words", [("plan", "new"), ("verify", "115.0.0")], ids=lambda words: words[0])
def test_a_current_folder_that_was_deleted_is_told(desk: Desk, words: tuple[str, ...]) -> None:
    gone = desk.home / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", *desk.words(*words)],
        cwd=gone,
        env=desk.env(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The current folder is there no more: go to one that is, and run the command again.\n"


def test_copies_that_cannot_be_kept_are_told(desk: Desk) -> None:
    assert desk.run("verify", "115.0.0", "-R", desk.url).status == 0
    (lock,) = (desk.home / ".cache" / "manifest-release-bot" / "repositories").glob("*.lock")
    lock.unlink()
    lock.mkdir()
    done = desk.run("verify", "115.0.0", "-R", desk.url)
    assert (done.status, done.out, done.err) == (1, "", "this machine: Is a directory\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nwe"], "I do not know `nwe`. Did you mean **`new`**?"),
        (["zzzzzz"], "I do not know `zzzzzz`. `--help` shows what there is."),
        (["patch"], "`patch` needs a release line: `build-115`, `build-109`."),
        (["patch", "build-115", "--strange"], "I do not know `--strange` here. `--help` shows what can be typed."),
        (["new", "x" * 70_000], "The command is too long to be read."),
        (
            ["patch", "build-115", "coreos/etcd=nosuch"],
            (
                "`nosuch` is on no branch or tag of `coreos/etcd`. (A commit that only a fork has does not count.) "
                "Push it to a branch there and run the command again."
            ),
        ),
    ],
    ids=["near", "unknown", "no line", "flag", "too long", "revision"],
)
def test_advice_is_for_somebody_at_a_terminal(desk: Desk, words: list[str], told: str) -> None:
    assert desk.plan(*words).err == f"{told}\n"


def test_no_sentence_of_the_bot_sends_a_person_at_a_terminal_to_a_comment() -> None:
    several = Mistake("too-many-commands", "", (), "")
    assert at_a_terminal(mistakes.mistake(several, ())) == "There is more than one command, so none was run. Run each."


def test_a_repeated_release_is_the_next_one_unless_it_names_its_version(desk: Desk) -> None:
    words = ("--yes", "patch", "build-115", "--allow-empty")
    assert [desk.release(*words).status for _ in range(2)] == [0, 0]
    assert {"refs/tags/v115.0.1", "refs/tags/v115.0.2"} <= desk.refs().keys()
    named = (*words, "version=115.0.3")
    assert desk.release(*named).status == 0
    before = desk.refs()
    assert (desk.release(*named).status, desk.refs()) == (3, before)


def test_outside_a_repository_the_option_that_names_one_is_told(desk: Desk) -> None:
    done = desk.run("verify", "115.0.0", cwd=desk.home)
    assert (done.status, done.out) == (3, "")
    assert done.err.endswith(" lies in no git repository; `-R` names the folder of a clone, or an address\n")


@pytest.mark.parametrize(
    "now", ["yesterday", "0001-01-01T00:00:00+14:00", "2013-10-25T12:00:00", "9999-12-31T23:59-14"]
)
def test_what_is_no_time_is_refused_with_one_that_is(desk: Desk, now: str) -> None:
    done = desk.run("plan", "new", "--now", now)
    assert (done.status, done.out) == (2, "")
    assert done.err.endswith(" as in 2013-10-25T12:00:00+00:00\n")


@pytest.mark.parametrize("now", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_the_ends_of_time_are_refused_in_a_sentence(desk: Desk, now: str) -> None:
    done = desk.run("plan", "new", "--now", now)
    assert (done.status, done.out, done.err.count("\n")) == (3, "", 1)


@pytest.mark.parametrize("patient", [True, False], ids=["once", "again"])
@pytest.mark.parametrize("words", LOOKS[:2], ids=lambda words: words[0])
def test_ctrl_c_ends_with_130_and_the_second_without_waiting_for_servers(
    desk: Desk, words: tuple[str, ...], patient: bool
) -> None:
    first, begun, over = threading.Event(), threading.Event(), threading.Event()

    def silent(asked: Asked) -> Reply | None:
        """In trouble at first; who asks again waits."""
        if "etcd" not in asked.path:
            return None
        if not first.is_set():
            first.set()
            return Reply(503)
        begun.set()
        over.wait(PATIENCE)
        return Reply(404)

    desk.server.rules.append(silent)
    process = subprocess.Popen(typed(desk, words), cwd=desk.clone, env=desk.env(), stderr=subprocess.PIPE)
    try:
        assert begun.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        if patient:
            over.set()
        while not patient and process.poll() is None:
            process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE)
        assert (process.returncode, told) == (130, b"")
        assert over.is_set() == patient
    finally:
        over.set()
        process.kill()


@pytest.mark.parametrize("words", LOOKS[:2], ids=lambda words: words[0])
def test_ctrl_c_while_servers_are_first_asked_waits_for_none(desk: Desk, words: tuple[str, ...]) -> None:
    begun, over = threading.Event(), threading.Event()

    def silent(asked: Asked) -> Reply | None:
        if "etcd" in asked.path:
            begun.set()
            over.wait(PATIENCE)
        return None

    desk.server.rules.append(silent)
    process = subprocess.Popen(typed(desk, words), cwd=desk.clone, env=desk.env(), stderr=subprocess.PIPE)
    try:
        assert begun.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE)[1] == b""
        assert process.returncode == 130
    finally:
        over.set()
        process.kill()


def test_how_far_it_is_is_told_on_a_terminal_and_wiped_away(desk: Desk) -> None:
    done = desk.at_terminal("plan", "--now", NOW, "new")
    assert "\r12 of 12 repositories read" in f"\r{done.out}"
    assert desk.run("plan", "--now", NOW, "new").err == ""


def complete(desk: Desk, line: str) -> list[str]:
    """What bash would offer at the end of this line, asked as bash asks."""
    program = f"""
source {desk.home}/completion.bash
COMP_LINE="$1" COMP_POINT=${{#1}} COMP_TYPE=9
$(complete -p manifest-release-bot | sed 's/.*-F \\([^ ]*\\).*/\\1/') manifest-release-bot
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    (desk.home / "completion.bash").write_text(script("bash"))
    done = subprocess.run(
        ["bash", "--norc", "-c", program, "bash", f"manifest-release-bot {line}"],
        cwd=desk.clone,
        env={**desk.env(), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [word.strip() for word in done.stdout.splitlines() if word]


OPTIONS = ["projects=", "from=", "sdk=", "version=", "group=", "formats=", "channel=", "build="]
RELEASES = ["115.0.0", "110.0.0", "109.0.0"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("pl", ["plan"]),
        ("verify ", RELEASES),
        ("diff 11", ["115.0.0", "110.0.0"]),
        ("plan ", ["new", "branch", "patch"]),
        ("plan --format=json --offline ", ["new", "branch", "patch"]),
        ("release pa", ["patch"]),
        ("plan branch ", ["build-115", "build-109"]),
        ("plan patch --offline build-1", ["build-115", "build-109"]),
        ("plan -R . --remote origin patch build-11", ["build-115"]),
        ("plan new s", ["sdk="]),
        ("plan patch build-115 coreos/e", ["coreos/etcd="]),
        ("plan patch build-115 coreos/etcd=x ch", ["channel="]),
        ("plan patch build-115 sdk=", ["previous", "keep", *RELEASES]),
        ("plan patch build-115 --offline build=", ["yes", "no"]),
        ("plan patch build-115 projects=a", ["all"]),
        ("plan patch build-115 group=", []),
        ("plan patch build-115 coreos/etcd=", ["released", *(f"@{version}" for version in RELEASES)]),
        ("plan patch build-115 --allow-", ["--allow-empty", "--allow-rewind", "--allow-jump"]),
        ("plan --format ", ["text", "diff", "markdown", "json"]),
        ("plan patch build-115 --format=m", ["markdown"]),
        ("release --dr", ["--dry-run", "--draft"]),
        ("plan --default-branch ", ["build-109", "build-115", "dev-channel", "master"]),
        ("plan --remove-manifest ", ["build-109.xml", "build-115.xml"]),
        ("completion ", list(SHELLS)),
        ("plan nosuch ", []),
    ],
)
def test_bash_completes_commands_words_and_values(desk: Desk, line: str, offered: list[str]) -> None:
    assert complete(desk, line) == offered


def test_bash_completes_the_keys_of_a_release_and_its_projects(desk: Desk) -> None:
    offered = complete(desk, "plan patch build-115 ")
    assert offered[: len(OPTIONS)] == OPTIONS
    assert len(offered) == len(OPTIONS) + 12
    spec = find("release", "patch")
    assert spec
    assert [f"{option.key}=" for option in spec.options] == OPTIONS


def test_completion_asks_no_server(desk: Desk) -> None:
    before = len(desk.server.asked)
    assert complete(desk, "plan patch ") == ["build-115", "build-109"]
    assert len(desk.server.asked) == before


def test_outside_a_repository_completion_offers_what_it_can(desk: Desk) -> None:
    shutil.rmtree(desk.clone / ".git")
    assert complete(desk, "plan patch ") == []
    assert complete(desk, "plan patch build-115 s") == ["sdk="]


def test_names_that_a_shell_would_run_are_not_offered(desk: Desk) -> None:
    desk.git("update-ref", "refs/remotes/origin/$(reboot)", "HEAD")
    assert "$(reboot)" not in "".join(complete(desk, "plan --default-branch "))


def test_the_command_runs_from_a_clone_and_takes_no_python_from_it(desk: Desk) -> None:
    for name in ("argparse", "json", "bot"):
        (desk.clone / f"{name}.py").write_text("raise SystemExit('foreign code ran')\n")
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script('bash')}\nmanifest-release-bot diff --offline 109.0.0 115.0.0"],
        cwd=desk.clone,
        env={**desk.env(), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("2 changed, 0 added, 0 removed, 10 unchanged.\n")


def test_paths_with_blanks_and_quotes_stay_one_word_in_every_shell() -> None:
    odd = Path("/a b/it's")
    assert """PYTHONPATH='/a b/it'"'"'s' """ in script("zsh", root=odd)
    assert """env PYTHONPATH='/a b/it\\'s' """ in script("fish", root=odd)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_the_script(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    check = {"fish": ["--no-execute"]}.get(shell, ["-n"])
    done = subprocess.run([shell, *check], input=script(shell), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_program_prints_the_script(desk: Desk) -> None:
    done = subprocess.run(
        [*desk.words("completion")[:3], "completion", "bash"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, script("bash"))


CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT = "$ manifest-release-bot "


def examples() -> list[tuple[list[str], str]]:
    """What docs/by-hand.md types, and what it shows."""
    blocks = CONSOLE.findall((ROOT / "docs" / "by-hand.md").read_text(encoding="utf-8"))
    typed = [part for block in blocks for part in f"\n{block}".split(f"\n{PROMPT}")[1:]]
    return [(words.split(), shown) for words, _, shown in (part.partition("\n") for part in typed)]


def test_the_page_about_releases_by_hand_shows_what_is_printed(desk: Desk) -> None:
    assert len(examples()) == 6
    for words, shown in examples():
        command = [words[0], *(["--now", NOW] if words[0] in ("plan", "release") else []), *words[1:]]
        command = [word.replace("https://github.com", desk.server.origin) for word in command]
        done = desk.at_terminal(*command, answer="y") if words[0] == "release" else desk.run(*command)
        printed = re.sub(r"\r[^\n]*\r", "", f"\r{done.out}{done.err}").removeprefix("\r")
        pattern = re.escape(shown.rstrip("\n")).replace(re.escape("..."), ".*")
        printed = printed.replace(desk.server.origin, "https://github.com").rstrip("\n")
        assert re.fullmatch(pattern, printed, re.DOTALL), f"{words}:\n{printed}"
