"""The only way to git: constant commands, typed values, a clean environment, limits, and secrets in none of them.

GitPython starts the processes. Its keyword arguments become options, which foreign text must never do, so commands
are given as whole argument lists: words of ours, then values of the types in `bot.core.refs`, which only validators
make. GitPython also passes the whole environment on; `env -u` takes away what git has no business to see.
What is the same for a server's mirror and for a person's own clone is in `Runner`.
"""

from __future__ import annotations

import base64
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self, cast

from bot.core.refs import RepositoryUrl, Sha
from bot.core.tree import object_id
from bot.outage import Denied, Outage

# Else GitPython cannot even be imported where there is no git, and nobody could say so in a sentence.
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

from git import Git, GitCommandNotFound

LIMIT = 60.0
"""Seconds that one git command may take."""
MOST = 64 * 1024 * 1024
"""Bytes that one git command may print."""
_KEPT = re.compile(
    r"PATH|TMPDIR|SSL_CERT_(FILE|DIR)|GIT_SSL_CAINFO|GIT_SSL_CAPATH|(https?|all|no)_proxy", re.IGNORECASE
)
_ADDRESS = re.compile(r"'?https?://\S+")
_STATUS = re.compile(r"(?:returned error:|HTTP) (\d{3})")
_LATER = re.compile(r"rate limit|try again|abuse|RPC failed", re.IGNORECASE)
"""Words of a refusal that may pass. In the middle of a talk (an RPC) git shows no words, but there all that lasts was
refused at its beginning.
"""
_Process = subprocess.Popen[bytes]


class Answer(NamedTuple):
    """How a git command ended: its exit status, what it printed, and what it said on the error output."""

    status: int
    out: bytes
    err: str


class GitFailed(Exception):
    """A git command ended with an error; `words` are its last ones, `err` all of them. Neither names an address."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.err = _ADDRESS.sub("", answer.err)
        lines = [line for line in self.err.splitlines() if line.strip() and not line.startswith("hint:")]
        plain = "".join(c if c.isprintable() else " " for c in (lines[-1] if lines else "git said nothing"))
        self.words = re.sub(r"\s+", " ", plain).strip()[-200:]
        super().__init__(self.words)


class Runner:
    """Runs git in one folder: `settings` before each command, `environment` around it, `hidden` variables taken away.

    Not to be shared between threads: the process that reads objects is one conversation. Close it at the end.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        hidden: Iterable[str],
        settings: Sequence[str] = (),
        limit: float = LIMIT,
        most: int = MOST,
    ) -> None:
        self._git = Git(folder)
        self._environment = environment
        self._secrets: Sequence[str] = ()
        self._limit = limit
        self._most = most
        self._reader: _Process | None = None
        removed = (word for name in sorted(hidden) for word in ("-u", name))
        given = (word for setting in settings for word in ("-c", setting))
        self._program = ["env", *removed, "git", *given]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process that reads objects."""
        if self._reader is not None:
            _end(self._reader)
            self._reader = None
        self._git.clear_cache()

    def run(self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """What a command prints. Raises GitFailed with its last words when it fails, Outage when it never ends."""
        answer = self.ask(*arguments, data=data, env=env)
        if answer.status:
            raise GitFailed(answer)
        return answer.out

    def ask(self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> Answer:
        """How a command ended, for those whose failure is an answer. Raises Outage when it never ends."""
        return self._ask(arguments, data, env or {}, self._limit)

    def talk(self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> Answer:
        """The same, for a command that talks with the server, or with the person where there is one."""
        return self.ask(*arguments, data=data, env=env)

    def _ask(
        self, arguments: tuple[str, ...], data: bytes, env: Mapping[str, str], limit: float, apart: bool = True
    ) -> Answer:
        with on_disk(), tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            process = self._start(arguments, file, env, apart)
            try:
                out, err = _collect(process, limit, self._most)
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                raise Outage("git", f"git {arguments[0]} did not end") from None
            finally:
                _end(process)
        if status == 127:
            raise Outage("git", "there is no git program on this machine")
        return Answer(status, out, self._readable(err))

    def read(self, name: Sha, most: int) -> tuple[str, bytes] | None:
        """Kind and bytes of an object, checked against its name; None where it is not here.

        Raises GitFailed where it is damaged, and Denied where it is larger than `most`.
        """
        if self._reader is None:
            self._reader = self._start(("cat-file", "--batch"), subprocess.PIPE, {})
        try:
            found = _converse(self._reader, name, most)
        except (OSError, ValueError):
            err = self._reader.stderr.read().decode("utf-8", "replace") if self._reader.stderr else ""
            self.close()
            raise GitFailed(Answer(-1, b"", err or f"{name} is damaged")) from None
        except Denied:
            self.close()
            raise
        return found

    def _start(
        self, arguments: tuple[str, ...], stdin: BinaryIO | int, env: Mapping[str, str], apart: bool = True
    ) -> _Process:
        """A git process; where `apart`, at the head of a group of its own, so that what it starts can be ended with it.

        A process apart has lost the terminal: it can ask nobody for a password.
        """
        command = [*self._program, *arguments]
        inside = {**self._environment, **env}
        try:
            started = self._git.execute(command, stdin, as_process=True, env=inside, start_new_session=apart)
        except GitCommandNotFound:
            raise Outage("git", "there is no env program on this machine") from None
        process = cast(_Process, started.proc)
        started.proc = None  # from here on it is ours to end
        return process

    def _readable(self, err: bytes) -> str:
        """What git said, without the token, which a server may send back."""
        text = err.decode("utf-8", "replace")
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


class Gateway(Runner):
    """Git in a clean environment, for one remote address whose token travels in the environment only."""

    def __init__(
        self, folder: Path, url: str, token: str | None, allow_http: bool, limit: float = LIMIT, most: int = MOST
    ) -> None:
        # Named outright: where this folder holds no repository, git must not find one in a folder above it.
        inside = {"GIT_DIR": str(folder.absolute()), **environment(RepositoryUrl(url), token, allow_http)}
        foreign = [name for name in os.environ if name not in inside and not _KEPT.fullmatch(name)]
        super().__init__(folder, inside, foreign, limit=limit, most=most)
        self._secrets = [token, _basic(token)] if token else []


@contextmanager
def on_disk() -> Iterator[None]:
    """A full or broken disk of ours is an Outage like any other."""
    try:
        yield
    except OSError as fault:
        raise Outage("git", f"this machine: {fault.strerror}") from None


def environment(url: RepositoryUrl, token: str | None, allow_http: bool) -> dict[str, str]:
    """No configuration of the machine, no prompt, no hooks, one protocol, the token for one address."""
    settings = {
        "core.hooksPath": os.devnull,
        "core.fsync": "none",  # a mirror is a cache: what a power cut damages is made anew
        "core.attributesFile": os.devnull,
        "gc.auto": "0",
        "fetch.unpackLimit": "1",  # one pack a fetch: all of it is there or nothing
        "transfer.fsckObjects": "true",
        "protocol.version": "2",
        "http.followRedirects": "false",
        "http.lowSpeedLimit": "1000",
        "http.lowSpeedTime": "20",
        "credential.helper": "",
    }
    if token is not None:
        settings[f"http.{url}.extraHeader"] = f"Authorization: Basic {_basic(token)}"
    numbered = {}
    for number, (name, value) in enumerate(settings.items()):
        numbered[f"GIT_CONFIG_KEY_{number}"] = name
        numbered[f"GIT_CONFIG_VALUE_{number}"] = value
    return {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:http" if allow_http else "https",
        "GIT_ASKPASS": "true",
        "HOME": os.devnull,  # where curl would look for a .netrc
        "LANGUAGE": "C",
        "LC_ALL": "C",
        **numbered,
    }


def _basic(token: str) -> str:
    return base64.b64encode(f"x-access-token:{token}".encode()).decode()


def as_fault(failed: GitFailed) -> Outage | Denied:
    """What a failed talk with the server means: Denied where it refused by status, Outage where it may pass."""
    found = _STATUS.search(failed.err)
    status = int(found[1]) if found else None
    if "Authentication failed" in failed.err or "could not read Username" in failed.err:
        status = 401
    elif re.search(r"repository .*not found", failed.err):
        status = 404
    if status in REFUSALS and not _LATER.search(failed.err):
        return Denied("git", REFUSALS[status], status)
    return Outage("git", f"the server answered {status}" if status else failed.words)


REFUSALS = {
    401: "the server does not accept the token, or asks for one",
    403: "the server forbids it",
    404: "there is no such repository, or the token may not see it",
    410: "the repository is gone",
}


def _converse(reader: _Process, name: Sha, most: int) -> tuple[str, bytes] | None:
    """Ask `cat-file --batch` for one object. Raises ValueError for an answer that is not whole."""
    to, out = cast(BinaryIO, reader.stdin), cast(BinaryIO, reader.stdout)
    to.write(f"{name}\n".encode())
    to.flush()
    head = out.readline().decode().split()
    if head[1:] == ["missing"]:
        return None
    _, kind, size = head
    if int(size) > most:
        raise Denied("git", f"a file is larger than {most // 1024:,} KiB; this is no manifest repository")
    payload = out.read(int(size) + 1)[:-1]
    if object_id(kind, payload) != name:
        raise ValueError("the object does not have its name")
    return kind, payload


def _collect(process: _Process, limit: float, most: int) -> tuple[bytes, bytes]:
    """All that a process prints, on both outputs. Raises Outage when it takes too long or says too much."""
    end = time.monotonic() + limit
    outputs = {pipe: bytearray() for pipe in (process.stdout, process.stderr) if pipe is not None}
    with selectors.DefaultSelector() as selector:
        for pipe in outputs:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, end - time.monotonic()))
            if not ready:
                raise Outage("git", f"git took longer than {limit:g} seconds")
            for key, _ in ready:
                piece = os.read(key.fd, 1 << 16)
                if not piece:
                    selector.unregister(key.fileobj)
                outputs[key.fileobj] += piece  # type: ignore[index]  # the pipes that were registered
            if sum(map(len, outputs.values())) > most:
                raise Outage("git", f"the answer is larger than {most // 1024:,} KiB")
    out, err = outputs.values()
    return bytes(out), bytes(err)


def _end(process: _Process) -> None:
    """Kill it, with all that it started, where it still runs, and close its pipes."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            apart = os.getpgid(process.pid) == process.pid
            (os.killpg if apart else os.kill)(process.pid, signal.SIGKILL)
    with suppress(BrokenPipeError), process:  # closes the pipes and waits
        pass
