"""The command line: `python -m bot COMMAND`. Exit status 0: done, 1: failed, 2: cannot start, in one sentence."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bot import __version__
from bot.hand.commands import add_commands
from bot.operate import add_operator
from bot.outage import Denied, Outage

if TYPE_CHECKING:
    from bot.settings import Settings

EXIT_STATUS = """\
exit status:
  0    done, or ended as asked
  1    failed: something outside did not answer, or said no; trying again may help
  2    cannot start, and would not the next time either: the reason is one sentence on standard error
  130  interrupted
"""
Command = Callable[[argparse.Namespace, Mapping[str, str]], int]
ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = _parser()
    if "_ARGCOMPLETE" in os.environ:
        from bot.hand.completion import complete

        complete(parser)
    options = parsed(parser, arguments)
    run: Command = options.run
    try:
        return run(options, os.environ)
    except (Outage, Denied) as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; what a command takes as the words of a comment may stand before, between and after them."""
    options, more = parser.parse_known_args(arguments)
    if hasattr(options, "words"):
        options.words += more
    elif more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    return options


def _service(run: Command) -> Command:
    """A command that needs the operator's environment and a store. What only they need is imported only here."""

    def started(options: argparse.Namespace, env: Mapping[str, str]) -> int:
        from bot.settings import BadSettings
        from bot.store.database import Unusable

        try:
            return run(options, env)
        except BadSettings as bad:
            return _refuse("\n".join(bad.faults))
        except Unusable as reason:
            return _refuse(str(reason))

    return started


def _serve(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    from bot.serve import PortTaken, serve

    try:
        return serve(_settings(env))
    except PortTaken as taken:
        return _refuse(str(taken))


def _worker(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    from bot.flows.lock import AnotherWorker
    from bot.settings import NEEDS_DATABASE
    from bot.worker import Worker

    if not options.embedded and not env.get("DATABASE_URL"):
        return _refuse(NEEDS_DATABASE)
    try:
        Worker(_settings(env)).run()
    except AnotherWorker as reason:
        return _refuse(str(reason))
    return 0


def _web(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Become gunicorn, as the Procfile's `web` does."""
    from bot.settings import NEEDS_DATABASE

    if options.embedded or env.get("DATABASE_URL"):
        _settings(env)
        _become_gunicorn(options.embedded)
    return _refuse(NEEDS_DATABASE)


def _become_gunicorn(embedded: bool) -> NoReturn:
    application = f"bot.app:create_app(embedded={embedded})"
    configuration = str(ROOT / "gunicorn.conf.py")
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", configuration, application])  # noqa: S606 - no shell


def _migrate(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    from bot.serve import migrate

    migrate(_settings(env))
    return 0


def _with_settings(run: Callable[[argparse.Namespace, Settings], int]) -> Command:
    """An operator's command, which takes what the environment says."""
    return _service(lambda options, env: run(options, _settings(env)))


def _settings(env: Mapping[str, str]) -> Settings:
    """Read the environment, and from here on log as it says."""
    from bot.logs import configure
    from bot.settings import Settings

    settings = Settings.from_env(env)
    configure(settings.log_level)
    for warning in settings.warnings:
        logging.getLogger(__name__).warning("%s", warning)
    return settings


def _demo(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    from sandbox.demo.main import main as demo

    return demo(options.once, options.port)


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bot",
        description="Releases of repo manifest repositories.",
        epilog=EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve", help="receiver and worker on one machine, on SQLite unless DATABASE_URL is set"
    )
    serve.set_defaults(run=_service(_serve))
    for name, run, words in (("worker", _worker, "carry out what was received"), ("web", _web, "receive webhooks")):
        each = commands.add_parser(name, help=words)
        each.add_argument("--embedded", action="store_true", help=argparse.SUPPRESS)
        each.set_defaults(run=_service(run))
    commands.add_parser("migrate", help="make or update the tables of the store").set_defaults(run=_service(_migrate))
    add_operator(commands, _with_settings)
    add_commands(commands)
    demo = commands.add_parser("demo", help="play a whole release on this machine, against a stand-in GitHub")
    demo.add_argument("--once", action="store_true", help="end when the release is built")
    demo.add_argument(
        "--port",
        type=int,
        default=8115,
        help="port of the bot; the stand-in GitHub takes the next one (default: %(default)s)",
    )
    demo.set_defaults(run=_demo)
    return parser


if __name__ == "__main__":
    sys.exit(main())
