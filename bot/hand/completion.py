"""Completion in a shell: the script that turns it on, and what may stand where the cursor is.

The script also makes `manifest-release-bot` a command, which works from any folder and loads no Python from it:
`python -m bot` would take modules from the clone that the person stands in. The words come from the same data as the
parser and the help; branches, releases and projects from the clone as it was last fetched, never from the network.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote

import argcomplete
from argcomplete.completers import DirectoriesCompleter, FilesCompleter, SuppressCompleter
from argcomplete.shell_integration import shellcode

from bot.core.command import COMMANDS, CommandSpec, Option
from bot.core.config import Config
from bot.core.fetch_policy import FetchPolicy
from bot.core.manifest import BadManifest, read
from bot.core.plan import line_files
from bot.core.snapshot import HEADS, Snapshot
from bot.hand.status import DONE, Refused
from bot.outage import Denied, Outage

PROGRAM = "manifest-release-bot"
SHELLS = ("bash", "zsh", "fish")
ROOT = Path(__file__).resolve().parent.parent.parent
KINDS: Mapping[str, CommandSpec] = {spec.verb: spec for spec in COMMANDS if spec.overrides}
"""The releases: the commands that take projects."""
_TYPED = re.compile(r"[A-Za-z0-9_.+~@/-]+")
_OF_RELEASES = ("sdk", "from")
"""Options whose value is a release that exists."""
Offers = dict[str, str]
"""Words that may stand there, each with what it does, for the shells that show that."""


def completion(options: argparse.Namespace) -> int:
    """Print the script for one shell."""
    sys.stdout.write(script(options.shell))
    return DONE


def script(shell: str, python: str = sys.executable, root: Path = ROOT) -> str:
    """The command `manifest-release-bot` as a function of this shell, and its completion."""
    if shell == "fish":
        run = f"env PYTHONPATH={_for_fish(str(root))} {_for_fish(python)} -P -m bot"
        return f"function {PROGRAM}\n    {run} $argv\nend\n{_completing('fish')}"
    run = f"PYTHONPATH={quote(str(root))} {quote(python)} -P -m bot"
    return f'{PROGRAM}() {{\n    {run} "$@"\n}}\n{_completing(shell)}'


def _completing(name: str) -> str:
    return shellcode([PROGRAM], shell=name)


def _for_fish(text: str) -> str:
    inside = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inside}'"


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell that asks what may follow, and end. It asks by variables that its script sets."""
    for command in _commands(parser):
        _teach(command)
    argcomplete.autocomplete(parser, always_complete_options=False, default_completer=SuppressCompleter())


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()


def _teach(command: argparse.ArgumentParser) -> None:
    """Tell what a command's words and values are. Flags of a comment are like its own options here."""
    if any(action.dest == "words" for action in command._actions):
        command.__class__ = _OptionsFirst
        flags = {flag.name: flag.effect for spec in KINDS.values() for flag in spec.flags}
        for flag, effect in flags.items():
            command.add_argument(f"--{flag}", action="store_true", help=effect)
    completers = {
        "words": _words,
        "old": _releases,
        "new": _releases,
        "version": _releases,
        "default_branch": _branches,
        "branch": _branches,
        "remove_manifest": _old_manifests,
        "repository": DirectoriesCompleter(),
        "local_manifests": DirectoriesCompleter(),
        "where": FilesCompleter(),
        "output": FilesCompleter(),
    }
    for action in command._actions:
        if action.dest in completers:
            action.completer = completers[action.dest]  # type: ignore[attr-defined]  # argcomplete's own way


class _OptionsFirst(argparse.ArgumentParser):
    """Words may stand between and after options, where argparse by itself would see no more of them."""

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]  # argparse's own
        words, options, rest = [], [], iter(args or ())
        for word in rest:
            if not word.startswith("-"):
                words.append(word)
                continue
            options.append(word)
            action = self._option_string_actions.get(word)
            if action is not None and action.nargs is None:
                value = next(rest, None)
                if value is None:
                    return super().parse_known_args([*options[:-1], *words, word], namespace)
                options.append(value)
        return super().parse_known_args([*options, *words], namespace)


def _words(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Offers:
    """What may follow in the words of a release; those before the cursor are in `parsed_args`."""
    before = [word for word in parsed_args.words or () if not word.startswith("-")]
    if not before:
        return {verb: _first_sentence(spec.effect) for verb, spec in KINDS.items()}
    spec = KINDS.get(before[0].lower())
    if spec is None:
        return {}
    needs_line = any(argument.kind == "line" for argument in spec.arguments)
    snapshot = _look(parsed_args, before[1] if needs_line and len(before) > 1 else None)
    if needs_line and len(before) == 1:
        return dict.fromkeys(snapshot.lines() if snapshot else (), "release branch")
    key, equals, _value = prefix.partition("=")
    if equals:
        return dict.fromkeys((f"{key}={value}" for value in _values(key, spec, snapshot)), "")
    said = {word.partition("=")[0] for word in before}
    offers = {f"{option.key}=": option.effect for option in spec.options if option.key not in said}
    return offers | {f"{name}=": "project" for name in _projects(snapshot) if name not in said}


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].removesuffix(".")


def _values(key: str, spec: CommandSpec, snapshot: Snapshot | None) -> Iterator[str]:
    option = next((option for option in spec.options if option.key == key), None)
    if option:
        yield from _literals(option)
    if option is None or key in _OF_RELEASES:
        at = "" if option else "@"
        if at:
            yield "released"
        yield from (f"{at}{version}" for version in _newest_first(snapshot))


def _literals(option: Option) -> list[str]:
    """The values that are words of the grammar; all others in its help are examples."""
    return [word for word in option.values.split("|") if word in re.split(r"\|", option.pattern)]


def _newest_first(snapshot: Snapshot | None) -> list[str]:
    return [str(version) for version in sorted(snapshot.released, reverse=True)] if snapshot else []


def _projects(snapshot: Snapshot | None) -> list[str]:
    """The projects of the branch, but for names that could not be typed."""
    if snapshot is None:
        return []
    build = snapshot.config.build_number_of(snapshot.base)
    files = snapshot.config.manifest
    try:
        manifest = read(snapshot.tree, files.main_file if build is None else snapshot.config.line_file(build))
    except BadManifest:
        return []
    return [project.name for project in manifest.projects if _TYPED.fullmatch(project.name)]


def _releases(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    return _newest_first(_look(parsed_args))


def _branches(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    snapshot = _look(parsed_args)
    refs = snapshot.refs if snapshot else {}
    return [ref.removeprefix(HEADS) for ref in refs if ref.startswith(HEADS) and _TYPED.fullmatch(ref)]


def _old_manifests(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    snapshot = _look(parsed_args)
    return [file for file in line_files(snapshot) if _TYPED.fullmatch(file)] if snapshot else []


def _look(said: argparse.Namespace, line: str | None = None) -> Snapshot | None:
    """The repository as it was last fetched; None where it is elsewhere, or cannot be read."""
    from bot.hand.clone import Clone  # git's library takes longer to load than most answers
    from bot.hand.session import default_branch
    from bot.reading import Home, read_configuration, read_snapshot

    where = getattr(said, "repository", None) or getattr(said, "where", None) or "."
    if not Path(where).expanduser().is_dir():
        return None
    try:
        with Clone.open(where, Path(os.devnull), getattr(said, "remote", "origin"), offline=True) as clone:
            refs = clone.refs()
            default = default_branch(refs, getattr(said, "default_branch", None))
            if not isinstance(read_configuration(clone, refs, default), Config):
                return None
            found = read_snapshot(clone, Home(0, clone.url, "", FetchPolicy()), line, default)
    except (Refused, Denied, Outage):
        return None
    return found if isinstance(found, Snapshot) else None
