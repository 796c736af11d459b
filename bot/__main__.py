"""The command line: `python -m bot COMMAND`. Exit status 0: done, 1: failed, 2: cannot start, in one sentence."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from bot import __version__
from bot.logs import configure
from bot.settings import BadSettings, Settings

NEEDS_DATABASE = (
    "DATABASE_URL is not set: web and worker run apart only on a PostgreSQL database that both reach. "
    "On one machine `python -m bot serve` runs both on a SQLite file."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace, Mapping[str, str]], int] = options.run
    try:
        return run(options, os.environ)
    except BadSettings as bad:
        for fault in bad.faults:
            sys.stderr.write(f"{fault}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _serve(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    from bot.serve import serve

    settings = Settings.from_env(env)
    configure(settings.log_level)
    return serve(settings)


def _worker(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    from bot.flows.engine import AnotherWorker
    from bot.store.database import Unusable
    from bot.worker import Worker

    if not options.embedded and not env.get("DATABASE_URL"):
        return _refuse(NEEDS_DATABASE)
    settings = Settings.from_env(env)
    configure(settings.log_level)
    try:
        Worker(settings).run()
    except (AnotherWorker, Unusable) as reason:
        return _refuse(str(reason))
    return 0


def _web(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Become gunicorn, as the Procfile's `web` does."""
    if options.embedded or env.get("DATABASE_URL"):
        Settings.from_env(env)
        _become_gunicorn()
    return _refuse(NEEDS_DATABASE)


def _become_gunicorn() -> NoReturn:
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py"])  # noqa: S606 - no shell


def _migrate(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    from bot.serve import migrate

    settings = Settings.from_env(env)
    configure(settings.log_level)
    migrate(settings)
    return 0


def _demo(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    from sandbox.demo.main import main as demo

    return demo(options.once, options.port, options.sandbox_port)


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Releases of repo manifest repositories.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve", help="receiver and worker on one machine, on SQLite unless DATABASE_URL is set"
    )
    serve.set_defaults(run=_serve)
    for name, run, words in (("worker", _worker, "carry out what was received"), ("web", _web, "receive webhooks")):
        each = commands.add_parser(name, help=words)
        each.add_argument("--embedded", action="store_true", help=argparse.SUPPRESS)
        each.set_defaults(run=run)
    commands.add_parser("migrate", help="make or update the tables of the store").set_defaults(run=_migrate)
    demo = commands.add_parser("demo", help="play a whole release on this machine, against a stand-in GitHub")
    demo.add_argument("--once", action="store_true", help="end when the release is built")
    demo.add_argument("--port", type=int, default=8115, help="port of the bot (default: %(default)s)")
    demo.add_argument(
        "--sandbox-port", type=int, default=8116, help="port of the stand-in GitHub (default: %(default)s)"
    )
    demo.set_defaults(run=_demo)
    return parser


if __name__ == "__main__":
    sys.exit(main())
