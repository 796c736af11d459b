"""The operator's environment, read once at start and refused as a whole when anything in it is wrong.

These are the twelve-factor settings of one installation: keys, addresses, stores. How releases look is said by a
file in the manifest repository (bot.core.config); nothing secret and no address comes from there.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

T = TypeVar("T")

PUBLIC_API = "https://api.github.com"
CREDENTIALS = ("APP_ID", "PRIVATE_KEY", "PRIVATE_KEY_PATH", "WEBHOOK_SECRET")
"""Where none of these is set the bot has not been introduced to GitHub yet, and runs in setup mode."""


NEEDS_DATABASE = (
    "DATABASE_URL is not set: web and worker run apart only on a PostgreSQL database that both reach. "
    "On one machine `python -m bot serve` runs both on a SQLite file."
)


class BadSettings(Exception):
    """The environment cannot be used. `faults` holds one sentence for each thing that is wrong, without values."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


class Secret:
    """A text that must not be shown by accident: in a traceback, a log line or a page it reads `********`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text. Call it where it is used, and keep the result nowhere."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(********)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True)
class Settings:
    """Everything the operator decides. Field names are the variables' names in lower case, except as noted.

    `webhook_secrets` are WEBHOOK_SECRET and, while it is being changed, WEBHOOK_SECRET_PREVIOUS. `installations` and
    `fetch_hosts` are empty where the operator did not narrow, or widen, them. `warnings` are sentences to log once.
    """

    app_id: int
    private_key: Secret
    webhook_secrets: tuple[Secret, ...]
    marker_key: Secret
    database_url: Secret | None
    data_dir: Path
    base_url: str
    github_api_url: str
    github_web_url: str
    installations: frozenset[int]
    fetch_hosts: tuple[str, ...]
    sdk_check_url: str | None
    bot_name: str
    bot_email: str
    log_level: str
    host: str
    port: int
    sandbox: bool
    poll_seconds: float
    reconcile_seconds: float
    queue_poll_seconds: float
    dispatch_lookup_seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def store_url(self) -> str | None:
        """Where the store is; None: a file in `data_dir`."""
        return self.database_url.reveal() if self.database_url else None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read and check all of it. Raises BadSettings with every fault, not only the first."""
        reader = _Reader(env)
        settings = _read(reader)
        if reader.faults:
            raise BadSettings(tuple(reader.faults))
        return settings


def introduced(env: Mapping[str, str]) -> bool:
    """Whether this environment holds any of the App's credentials; without, only the setup pages can work."""
    return any(env.get(name) for name in CREDENTIALS)


class _Reader:
    """Reads one variable at a time and gathers what is wrong, so that the operator sees all of it at once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.faults: list[str] = []
        self.warnings: list[str] = []

    def get(self, name: str) -> str | None:
        """The variable, or None where it is unset or empty."""
        return self._env.get(name) or None

    def read(self, name: str, convert: Callable[[str], T], default: T) -> T:
        """The variable as `convert` makes of it; a ValueError's sentence becomes a fault."""
        text = self.get(name)
        if text is None:
            return default
        try:
            return convert(text)
        except ValueError as error:
            self.faults.append(f"{name} {error}.")
            return default

    def need(self, name: str, convert: Callable[[str], T], default: T, what: str) -> T:
        """The same for a variable that must be set; `what` says what it is."""
        if self.get(name) is None:
            self.faults.append(f"{name} is not set: {what}.")
            return default
        return self.read(name, convert, default)

    def secret(self, name: str, least: int) -> Callable[[str], Secret]:
        """A converter for secrets: at least so many characters; the line end that files leave behind is dropped."""

        def convert(text: str) -> Secret:
            if text.endswith("\n"):
                text = text[:-1]
                self.warnings.append(f"{name} ended with a line end, which was dropped.")
            if len(text) < least:
                raise ValueError(f"is too short: a secret of {least} or more random characters is needed")
            return Secret(text)

        return convert


def _read(reader: _Reader) -> Settings:
    sandbox = reader.read("SANDBOX", _flag, False)
    api_url = reader.read("GITHUB_API_URL", lambda text: _url(text, sandbox), PUBLIC_API)
    if sandbox and not _is_loopback(urlsplit(api_url).hostname):
        reader.faults.append(
            "SANDBOX is set, so GITHUB_API_URL must name this machine: a sandbox never reaches a real GitHub."
        )
    port = reader.read("PORT", _port, 8000)
    bot_name = reader.read("BOT_NAME", _line, "manifest-release-bot")
    return Settings(
        app_id=reader.need("APP_ID", _positive, 0, "the number of the GitHub App"),
        private_key=_private_key(reader),
        webhook_secrets=_webhook_secrets(reader),
        marker_key=reader.need("MARKER_KEY", reader.secret("MARKER_KEY", 32), Secret(""), _MARKER_KEY),
        database_url=reader.read("DATABASE_URL", _database, None),
        data_dir=Path(reader.get("DATA_DIR") or "data").absolute(),
        base_url=reader.read("BASE_URL", lambda text: _url(text, loopback=True), f"http://127.0.0.1:{port}"),
        github_api_url=api_url,
        github_web_url=reader.read("GITHUB_WEB_URL", lambda text: _url(text, sandbox), _web_url(api_url)),
        installations=reader.read("INSTALLATIONS", _numbers, frozenset()),
        fetch_hosts=reader.read("FETCH_HOSTS", lambda text: _hosts(text, sandbox), ()),
        sdk_check_url=reader.read("SDK_CHECK_URL", _template, None),
        bot_name=bot_name,
        bot_email=reader.read("BOT_EMAIL", _email, _noreply(bot_name)),
        log_level=reader.read("LOG_LEVEL", _level, "INFO"),
        host=reader.get("HOST") or ("0.0.0.0" if reader.get("PORT") else "127.0.0.1"),  # noqa: S104 - platforms that set PORT route to every address
        port=port,
        sandbox=sandbox,
        poll_seconds=reader.read("POLL_SECONDS", _seconds, 15.0),
        reconcile_seconds=reader.read("RECONCILE_SECONDS", _seconds, 300.0),
        queue_poll_seconds=reader.read("QUEUE_POLL_SECONDS", _seconds, 0.1),
        dispatch_lookup_seconds=reader.read("DISPATCH_LOOKUP_SECONDS", _seconds, 120.0),
        warnings=tuple(reader.warnings),
    )


_MARKER_KEY = "a secret of 32 or more random characters that seals plans; keep it, or open pull requests lose theirs"


def _webhook_secrets(reader: _Reader) -> tuple[Secret, ...]:
    name, previous = "WEBHOOK_SECRET", "WEBHOOK_SECRET_PREVIOUS"
    current = reader.need(name, reader.secret(name, 20), Secret(""), "the secret of the App's webhook")
    if reader.get(previous) is None:
        return (current,)
    return (current, reader.read(previous, reader.secret(previous, 20), Secret("")))


def _private_key(reader: _Reader) -> Secret:
    """The App's RSA key, from the variable or from a file; exactly one of the two."""
    text, path = reader.get("PRIVATE_KEY"), reader.get("PRIVATE_KEY_PATH")
    if text and path:
        reader.faults.append("PRIVATE_KEY and PRIVATE_KEY_PATH are both set: keep one.")
    if path and not text:
        text = _key_file(reader, Path(path))
    elif not text:
        reader.faults.append("PRIVATE_KEY is not set: the App's private key in PEM, or PRIVATE_KEY_PATH with its file.")
    if not text:
        return Secret("")
    if "\n" not in text:
        text = text.replace("\\n", "\n")  # one-line environment files write the PEM's line ends so
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
        reader.faults.append("The private key is not an RSA key of 2048 or more bits in PEM without a password.")
    return Secret(text)


def _key_file(reader: _Reader, path: Path) -> str | None:
    try:
        if path.stat().st_mode & 0o077:
            reader.warnings.append(f"{path} can be read by others: chmod 600 it.")
        return path.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        reader.faults.append(f"PRIVATE_KEY_PATH {path} cannot be read: {reason}.")
        return None


def _flag(text: str) -> bool:
    if text.lower() in ("1", "true", "yes"):
        return True
    if text.lower() in ("0", "false", "no"):
        return False
    raise ValueError("must be 1 or 0")


def _positive(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text):
        raise ValueError("must be a positive number")
    return int(text)


def _port(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > 65535:
        raise ValueError("must be a port from 1 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 86400:
        raise ValueError("must be a number of seconds above 0 and up to 86400")
    return value


def _numbers(text: str) -> frozenset[int]:
    try:
        return frozenset(_positive(part.strip()) for part in text.split(","))
    except ValueError:
        raise ValueError("must be positive numbers with commas between them") from None


def _line(text: str) -> str:
    if not re.fullmatch(r"[^\x00-\x1f\x7f<>]{1,100}", text) or text != text.strip():
        raise ValueError("must be one line of up to 100 characters without < and >")
    return text


def _email(text: str) -> str:
    if not re.fullmatch(r"[^\s<>@]{1,64}@[^\s<>@]{1,190}", text, re.ASCII):
        raise ValueError("must be an e-mail address")
    return text


def _noreply(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + "@users.noreply.github.com"


def _level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return text.upper()


def _url(text: str, loopback: bool) -> str:
    """An https address without user, query or blanks; http too for this machine where `loopback` allows it."""
    parts = urlsplit(text)
    plain = parts.scheme == "http" and loopback and _is_loopback(parts.hostname)
    if not (parts.scheme == "https" or plain) or not parts.hostname:
        raise ValueError("must be an https:// address")
    if parts.username or parts.password or parts.query or parts.fragment or re.search(r"\s", text):
        raise ValueError("must be an address without user, password, query or blanks")
    return text.rstrip("/")


def _template(text: str) -> str:
    """An https address with `{version}` once, where an SDK of that version can be downloaded."""
    if text.count("{version}") != 1 or re.search(r"[{}]", text.replace("{version}", "")):
        raise ValueError("must hold {version} once")
    host = urlsplit(text).netloc
    if "{" in host or not text.startswith("https://"):
        raise ValueError("must be an https:// address with {version} in its path")
    return _url(text, loopback=False)


def _web_url(api_url: str) -> str:
    """Where people look at what the API tells: GitHub Enterprise Server serves both from one host."""
    return "https://github.com" if api_url == PUBLIC_API else api_url.removesuffix("/api/v3")


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _hosts(text: str, sandbox: bool) -> tuple[str, ...]:
    """Host names in lower case, each once; one leading `*.` allowed; addresses and this machine only for a sandbox."""
    names = dict.fromkeys(part.strip().lower() for part in text.split(","))
    for name in names:
        if sandbox and _is_loopback(name.partition(":")[0]):
            continue
        if not re.fullmatch(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", name):
            raise ValueError("must be host names such as git.example.org with commas between them")
    return tuple(names)


def _database(text: str) -> Secret:
    if not re.match(r"(postgres(ql)?(\+psycopg)?|sqlite):/", text):
        raise ValueError("must be a postgresql:// address")
    return Secret(text)
