"""The commands that work by hand, as arguments of the program: what each understands, and which function it is."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from bot.core.shown import shown
from bot.hand.options import add_hosts, add_repository, add_request, add_trusted
from bot.hand.status import FAILED, REFUSED, Refused
from bot.outage import Denied, Outage

EXIT_STATUS = """\
exit status of plan, pin, diff, verify and release:
  0    done
  1    something outside did not answer; trying again may help
  2    not understood: the sentence on standard error says how it is written
  3    refused: the sentence on standard error says why, and what to type instead
  4    verify: the release is not consistent
  5    release: not pushed, because the answer was not yes
  6    release: released, but a channel that should have moved did not
  130  interrupted
"""
Run = Callable[[argparse.Namespace], int]


def run(function: Run, options: argparse.Namespace) -> int:
    """Run one command by hand; a refusal is one sentence on standard error and an exit status of its own."""
    if getattr(options, "now", options) is None:
        options.now = datetime.now(UTC).replace(microsecond=0)
    try:
        with _impatience():
            return _told(function(options))
    except Refused as refused:
        sys.stderr.write(f"{refused.sentence}\n")
        return refused.status
    except Denied as denied:
        sys.stderr.write(f"{denied.reason}\n")
        return REFUSED
    except Outage as outage:
        sys.stderr.write(f"{outage.reason}\n")
        return FAILED
    except BrokenPipeError:
        return _muted()  # who reads our output has seen enough
    except OSError as fault:
        sys.stderr.write(f"{_of_this_machine(fault)}\n")
        return _muted()


def _of_this_machine(fault: OSError) -> str:
    """What this machine would not do. Only the output and the current folder have no name to be told by."""
    if fault.filename is not None:
        return f"This machine, {shown(str(fault.filename))}: {fault.strerror}."
    if isinstance(fault, FileNotFoundError):
        return "The current folder is there no more: go to one that is, and run the command again."
    return f"The output cannot be written: {fault.strerror or fault}."


def _told(status: int) -> int:
    """The status of a command whose words have all left; Python itself would find out too late to say so."""
    sys.stdout.flush()
    return status


def _muted() -> int:
    """Throw the rest of the output away, so that nothing complains about it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED


@contextmanager
def _impatience() -> Iterator[None]:
    """Let a second Ctrl-C end the program at once: after the first it waits for servers that owe an answer."""
    pressed: list[int] = []

    def interrupted(number: int, _: object) -> None:
        if pressed:
            os._exit(130)
        pressed.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _command(module: str, name: str) -> Callable[[argparse.Namespace, Mapping[str, str]], int]:
    """The function, imported only when it is wanted: `pin` needs far less than the rest."""

    def carried(options: argparse.Namespace, env: Mapping[str, str]) -> int:
        from importlib import import_module

        return run(getattr(import_module(module), name), options)

    return carried


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add every command by hand."""
    for name, words in (("plan", "what a release would be; changes nothing"), ("release", "release by hand")):
        each = _parser(commands, name, words)
        add_repository(each)
        if name == "plan":
            each.add_argument("--format", choices=("text", "diff", "markdown", "json"), default="text")
        else:
            _add_pushing(each)
        add_request(each)
        each.set_defaults(run=_command("bot.hand.look" if name == "plan" else "bot.hand.release", name))
    _add_pin(commands)
    diff = _parser(commands, "diff", "what changed between two releases")
    diff.add_argument("old", metavar="VERSION")
    diff.add_argument("new", metavar="VERSION")
    diff.set_defaults(run=_command("bot.hand.look", "diff"))
    verify = _parser(commands, "verify", "whether a release is consistent: tag, files, links, pins, refs")
    verify.add_argument("version", metavar="VERSION")
    add_trusted(verify)
    verify.set_defaults(run=_command("bot.hand.look", "check"))
    for each in (diff, verify):
        add_repository(each)
        each.add_argument("--format", choices=("text", "markdown"), default="text")
    completion = commands.add_parser("completion", help="print the script that completes these commands in a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    completion.set_defaults(run=_command("bot.hand.completion", "completion"))


def _parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=f"by hand: {words}",
        description=f"{words[0].upper()}{words[1:]}.",
        epilog=EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_pushing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show everything and push nothing")
    parser.add_argument("--yes", action="store_true", help="push without asking")
    parser.add_argument("--diff", action="store_true", help="show the patch, too")
    parser.add_argument(
        "--sign", action=argparse.BooleanOptionalAction, default=None, help="sign the tag (default: as git is set)"
    )


def _add_pin(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    pin = _parser(commands, "pin", "print what `repo manifest -r` prints, without a sync")
    pin.add_argument(
        "where", nargs="?", default=".", metavar="WHERE", help="a file, a folder or an address (default: .)"
    )
    pin.add_argument("-m", "--manifest", metavar="NAME", help="file in it (default: default.xml)")
    pin.add_argument("-b", "--branch", metavar="NAME", help="branch of a repository (default: main or master)")
    pin.add_argument("--remote", help="which remote of the clone counts (default: origin)")
    pin.add_argument("-g", "--groups", metavar="GROUPS", help="groups of projects, as for `repo init`")
    pin.add_argument("-o", "--output", metavar="FILE", help="write there (default: standard output)")
    pin.add_argument("--url", help="address that relative addresses of projects start from")
    pin.add_argument("--local-manifests", metavar="FOLDER", help="local manifests to add")
    pin.add_argument("--alphabetical", action="store_true", help="attributes in the order of the alphabet")
    pin.add_argument("--suppress-upstream-revision", action="store_true", help="leave upstream out")
    pin.add_argument("--suppress-dest-branch", action="store_true", help="leave dest-branch out")
    add_hosts(pin)
    pin.set_defaults(run=_command("bot.hand.pin", "pin"))
