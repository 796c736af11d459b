"""The operator's environment, read once at start and refused as a whole when anything in it is wrong.

These are the twelve-factor settings of one installation: keys, addresses, stores. How releases look is said by a
file in the manifest repository (bot.core.config); nothing secret and no address comes from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.signature import TrustedKey
from bot.settings import convert, keys
from bot.settings.convert import PUBLIC_API
from bot.settings.reader import Reader
from bot.settings.secret import Secret

__all__ = ["CREDENTIALS", "NEEDS_DATABASE", "BadSettings", "Secret", "Settings", "introduced"]

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


@dataclass(frozen=True)
class Settings:
    """Everything the operator decides. Field names are the variables' names in lower case, except as noted.

    `webhook_secrets` are WEBHOOK_SECRET and, while it is being changed, WEBHOOK_SECRET_PREVIOUS. `installations` and
    `fetch_hosts` are empty where the operator did not narrow, or widen, them. `signing_key` is None where tags are not
    signed; `trusted_keys` lack its public half. `warnings` are sentences to log once.
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
    retry_first_seconds: float
    retry_longest_seconds: float
    retry_limit_seconds: float
    lease_seconds: float
    signing_key: Secret | None
    trusted_keys: tuple[TrustedKey, ...]
    warnings: tuple[str, ...] = ()

    @property
    def store_url(self) -> str | None:
        """Where the store is; None: a file in `data_dir`."""
        return self.database_url.reveal() if self.database_url else None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read and check all of it. Raises BadSettings with every fault, not only the first."""
        reader = Reader(env)
        settings = _read(reader)
        if reader.faults:
            raise BadSettings(tuple(reader.faults))
        return settings


def introduced(env: Mapping[str, str]) -> bool:
    """Whether this environment holds any of the App's credentials; without, only the setup pages can work."""
    return any(env.get(name) for name in CREDENTIALS)


def _read(reader: Reader) -> Settings:
    sandbox = reader.read("SANDBOX", convert.flag, False)
    api_url = reader.read("GITHUB_API_URL", lambda text: convert.url(text, sandbox), PUBLIC_API)
    if sandbox and not convert.is_loopback(urlsplit(api_url).hostname):
        reader.faults.append(
            "SANDBOX is set, so GITHUB_API_URL must name this machine: a sandbox never reaches a real GitHub."
        )
    port = reader.read("PORT", convert.port, 8000)
    bot_name = reader.read("BOT_NAME", convert.line, "manifest-release-bot")
    return Settings(
        app_id=reader.need("APP_ID", convert.positive, 0, "the number of the GitHub App"),
        private_key=keys.private_key(reader),
        webhook_secrets=_webhook_secrets(reader),
        marker_key=reader.need("MARKER_KEY", reader.secret("MARKER_KEY", 32), Secret(""), _MARKER_KEY),
        database_url=reader.read("DATABASE_URL", convert.database, None),
        data_dir=Path(reader.get("DATA_DIR") or "data").absolute(),
        base_url=reader.read("BASE_URL", lambda text: convert.url(text, loopback=True), f"http://127.0.0.1:{port}"),
        github_api_url=api_url,
        github_web_url=reader.read("GITHUB_WEB_URL", lambda text: convert.url(text, sandbox), convert.web_url(api_url)),
        installations=reader.read("INSTALLATIONS", convert.numbers, frozenset()),
        fetch_hosts=reader.read("FETCH_HOSTS", lambda text: convert.hosts(text, sandbox), ()),
        sdk_check_url=reader.read("SDK_CHECK_URL", convert.template, None),
        bot_name=bot_name,
        bot_email=reader.read("BOT_EMAIL", convert.email, convert.noreply(bot_name)),
        log_level=reader.read("LOG_LEVEL", convert.level, "INFO"),
        host=reader.get("HOST") or ("0.0.0.0" if reader.get("PORT") else "127.0.0.1"),  # noqa: S104 - platforms that set PORT route to every address
        port=port,
        sandbox=sandbox,
        poll_seconds=reader.read("POLL_SECONDS", convert.seconds, 15.0),
        reconcile_seconds=reader.read("RECONCILE_SECONDS", convert.seconds, 300.0),
        queue_poll_seconds=reader.read("QUEUE_POLL_SECONDS", convert.seconds, 0.1),
        dispatch_lookup_seconds=reader.read("DISPATCH_LOOKUP_SECONDS", convert.seconds, 120.0),
        retry_first_seconds=reader.read("RETRY_FIRST_SECONDS", convert.seconds, 1.0),
        retry_longest_seconds=reader.read("RETRY_LONGEST_SECONDS", convert.seconds, 60.0),
        retry_limit_seconds=reader.read("RETRY_LIMIT_SECONDS", convert.seconds, 3600.0),
        lease_seconds=reader.read("LEASE_SECONDS", convert.seconds, 20.0),
        signing_key=keys.signing_key(reader),
        trusted_keys=keys.trusted_keys(reader),
        warnings=tuple(reader.warnings),
    )


_MARKER_KEY = "a secret of 32 or more random characters that seals plans; keep it, or open pull requests lose theirs"


def _webhook_secrets(reader: Reader) -> tuple[Secret, ...]:
    name, previous = "WEBHOOK_SECRET", "WEBHOOK_SECRET_PREVIOUS"
    current = reader.need(name, reader.secret(name, 20), Secret(""), "the secret of the App's webhook")
    if reader.get(previous) is None:
        return (current,)
    return (current, reader.read(previous, reader.secret(previous, 20), Secret("")))
