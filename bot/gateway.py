"""The only way to git: constant commands, typed values, a clean environment, a time limit, and secrets in neither.

GitPython runs the processes. Its keyword arguments become options, which foreign text must never do, so commands
are given as whole argument lists: words of ours, then `RefName`s and `Sha`s, which only validators make.
"""

from __future__ import annotations

import base64
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from git import Git, GitCommandNotFound

from bot.outage import Denied, Outage

LIMIT = 60.0
"""Seconds that one git command may take."""
_NOISE = re.compile(r"https?://\S+|[\x00-\x1f\x7f]+")


class GitFailed(Exception):
    """A git command ended with an error; `words` are its last ones, without addresses."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.words = words
        self.status = status


class Gateway:
    """Runs git in one bare repository for one remote address, whose token travels in the environment only."""

    def __init__(self, path: Path, url: str, token: str | None, allow_http: bool) -> None:
        self._git = Git(path)
        self._environment = environment(url, token, allow_http)

    def close(self) -> None:
        """End the processes that GitPython keeps."""
        self._git.clear_cache()

    def run(self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """What a command prints. Raises GitFailed with its last words when it fails."""
        status, out, err = self.ask(*arguments, data=data, env=env)
        if status:
            raise GitFailed(last_words(err), status)
        return out

    def ask(
        self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, str]:
        """Exit status, output and error output of a command, for those whose failure is an answer."""
        with tempfile.TemporaryFile() as file:
            file.write(data or b"")
            file.seek(0)
            try:
                status, out, err = self._git.execute(
                    ["git", *arguments],
                    istream=file,
                    with_extended_output=True,
                    with_exceptions=False,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    kill_after_timeout=LIMIT,
                    env={**self._environment, **(env or {})},
                )
            except GitCommandNotFound:
                raise Outage("git", "there is no git program on this machine") from None
        return status, out, str(err)


def environment(url: str, token: str | None, allow_http: bool) -> dict[str, str]:
    """A clean environment: no configuration of the machine, no prompt, one protocol, the token for one address."""
    settings = {
        "core.hooksPath": os.devnull,
        "core.fsync": "committed,loose-object",
        "gc.auto": "0",
        "transfer.fsckObjects": "true",
        "protocol.version": "2",
        "http.followRedirects": "false",
        "http.lowSpeedLimit": "1000",
        "http.lowSpeedTime": "20",
    }
    if token is not None:
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        settings[f"http.{url}.extraHeader"] = f"Authorization: Basic {basic}"
    numbered = {}
    for number, (name, value) in enumerate(settings.items()):
        numbered[f"GIT_CONFIG_KEY_{number}"] = name
        numbered[f"GIT_CONFIG_VALUE_{number}"] = value
    return {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:http" if allow_http else "https",
        "GIT_ASKPASS": "true",
        "LC_ALL": "C",
        **numbered,
    }


def last_words(error: str) -> str:
    """What git said last, on one line and without addresses, for a sentence."""
    lines = [line for line in error.splitlines() if line.strip()]
    return _NOISE.sub(" ", lines[-1] if lines else "git said nothing").strip()[-200:]


def as_outcome(failed: GitFailed) -> Outage | Denied:
    """Whether the server refused for good, or the failure may pass."""
    if re.search(r"error: (401|403|404)|not found|denied|Authentication failed|protected branch", failed.words, re.I):
        return Denied("git", failed.words)
    return Outage("git", failed.words)
