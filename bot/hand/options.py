"""What all commands by hand understand: which repository, which hosts, which moment."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.core.fetch_policy import DEFAULT_HOSTS, FetchPolicy
from bot.core.version import Dialect

MORE_HOSTS = "`--host HOST` allows another host, `--origin http://HOST:PORT` one server without https."


def policy(options: argparse.Namespace) -> FetchPolicy:
    """Where projects may be fetched from: the well-known hosts, those the person adds, and one address besides."""
    return FetchPolicy(DEFAULT_HOSTS | frozenset(options.host), options.origin)


def cache_folder(env: Callable[[str], str | None]) -> Path:
    """Where copies of repositories are kept between two commands."""
    base = env("XDG_CACHE_HOME") or str(Path(env("HOME") or ".") / ".cache")
    return Path(base) / "manifest-release-bot"


def moment(text: str) -> datetime:
    """A time with its zone, from the command line."""
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            raise argparse.ArgumentTypeError("say the zone, as in 2013-10-25T12:00:00+00:00")
        return when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; say one as in 2013-10-25T12:00:00+00:00") from None


def add_hosts(parser: argparse.ArgumentParser) -> None:
    """Where projects may be fetched from."""
    parser.add_argument(
        "--host", action="append", default=[], metavar="HOST", help="also read projects from this host, over https"
    )
    parser.add_argument(
        "--origin",
        type=origin,
        metavar="URL",
        help="also read projects from this one server, such as http://localhost:8080",
    )


def add_repository(parser: argparse.ArgumentParser) -> None:
    """Which manifest repository, and as it was when."""
    parser.add_argument(
        "-R", "--repository", default=".", metavar="WHERE", help="folder of a clone, or an address (default: here)"
    )
    parser.add_argument("--remote", default="origin", help="which remote of the clone counts (default: %(default)s)")
    parser.add_argument("--offline", action="store_true", help="take the clone as it was last fetched")
    parser.add_argument("--default-branch", metavar="NAME", help="where the configuration is (default: main or master)")
    parser.add_argument("--url", help="address that relative addresses of projects start from (default: the clone's)")
    add_hosts(parser)


def add_trusted(parser: argparse.ArgumentParser) -> None:
    """Whose signatures count."""
    parser.add_argument(
        "--trusted",
        type=Path,
        metavar="FILE",
        help="check who signed the tag: public keys, as in allowed_signers of OpenSSH, and armoured GPG blocks",
    )


def add_request(parser: argparse.ArgumentParser) -> None:
    """What to release: the words of a comment after `/release`, and what only a person at a terminal decides."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="KIND ...",
        help="new [BUILD] | branch build-N | patch build-N, then as in a comment: PROJECT=REV, sdk=VERSION, ...",
    )
    parser.add_argument("--now", type=moment, default=None, metavar="TIME", help="plan as at this time (default: now)")
    parser.add_argument(
        "--remove-manifest", action="append", metavar="FILE", help="remove just these old manifests (default: the rule)"
    )
    parser.add_argument(
        "--dest-branch",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="print dest-branch (default: as the last release has it)",
    )
    parser.add_argument(
        "--version-file",
        choices=[dialect.name.lower().replace("_", "-") for dialect in Dialect],
        help="write the version file with other variables, where a repository changes its layout (default: as it is)",
    )


def origin(text: str) -> str:
    """A scheme, a host and perhaps a port: nothing after them."""
    scheme, separator, rest = text.rstrip("/").partition("://")
    if scheme not in ("http", "https") or not separator or not rest or set(rest) & set("/@?# "):
        raise argparse.ArgumentTypeError("say http://HOST:PORT or https://HOST:PORT")
    return f"{scheme}://{rest}"
