"""One converter for each kind of variable: the value, or a ValueError whose words follow the variable's name."""

from __future__ import annotations

import ipaddress
import math
import re
from urllib.parse import urlsplit

from bot.settings.secret import Secret

PUBLIC_API = "https://api.github.com"


def flag(text: str) -> bool:
    """1 or 0."""
    if text.lower() in ("1", "true", "yes"):
        return True
    if text.lower() in ("0", "false", "no"):
        return False
    raise ValueError("must be 1 or 0")


def positive(text: str) -> int:
    """A whole number above 0."""
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text):
        raise ValueError("must be a positive number")
    return int(text)


def port(text: str) -> int:
    """A TCP port."""
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > 65535:
        raise ValueError("must be a port from 1 to 65535")
    return int(text)


def seconds(text: str) -> float:
    """A duration in seconds, up to a day."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 86400:
        raise ValueError("must be a number of seconds above 0 and up to 86400")
    return value


def numbers(text: str) -> frozenset[int]:
    """Whole numbers above 0, with commas between them."""
    try:
        return frozenset(positive(part.strip()) for part in text.split(","))
    except ValueError:
        raise ValueError("must be positive numbers with commas between them") from None


def line(text: str) -> str:
    """One line of text for a name."""
    if not re.fullmatch(r"[^\x00-\x1f\x7f<>]{1,100}", text) or text != text.strip():
        raise ValueError("must be one line of up to 100 characters without < and >")
    return text


def email(text: str) -> str:
    """An e-mail address."""
    if not re.fullmatch(r"[^\s<>@]{1,64}@[^\s<>@]{1,190}", text, re.ASCII):
        raise ValueError("must be an e-mail address")
    return text


def noreply(name: str) -> str:
    """The address of somebody who reads no mail."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + "@users.noreply.github.com"


def level(text: str) -> str:
    """A level of the log."""
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return text.upper()


def url(text: str, loopback: bool) -> str:
    """An https address without user, query or blanks; http too for this machine where `loopback` allows it."""
    parts = urlsplit(text)
    plain = parts.scheme == "http" and loopback and is_loopback(parts.hostname)
    if not (parts.scheme == "https" or plain) or not parts.hostname:
        raise ValueError("must be an https:// address")
    if parts.username or parts.password or parts.query or parts.fragment or re.search(r"\s", text):
        raise ValueError("must be an address without user, password, query or blanks")
    return text.rstrip("/")


def template(text: str) -> str:
    """An https address with `{version}` once, where an SDK of that version can be downloaded."""
    if text.count("{version}") != 1 or re.search(r"[{}]", text.replace("{version}", "")):
        raise ValueError("must hold {version} once")
    host = urlsplit(text).netloc
    if "{" in host or not text.startswith("https://"):
        raise ValueError("must be an https:// address with {version} in its path")
    return url(text, loopback=False)


def web_url(api_url: str) -> str:
    """Where people look at what the API tells: GitHub Enterprise Server serves both from one host."""
    return "https://github.com" if api_url == PUBLIC_API else api_url.removesuffix("/api/v3")


def is_loopback(host: str | None) -> bool:
    """Whether this names our own machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def hosts(text: str, sandbox: bool) -> tuple[str, ...]:
    """Host names in lower case, each once; one leading `*.` allowed; addresses and this machine only for a sandbox."""
    names = dict.fromkeys(part.strip().lower() for part in text.split(","))
    for name in names:
        if sandbox and is_loopback(name.partition(":")[0]):
            continue
        if not re.fullmatch(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", name):
            raise ValueError("must be host names such as git.example.org with commas between them")
    return tuple(names)


def database(text: str) -> Secret:
    """The address of a database."""
    if not re.match(r"(postgres(ql)?(\+psycopg)?|sqlite):/", text):
        raise ValueError("must be a postgresql:// address")
    return Secret(text)
