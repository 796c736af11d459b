"""Git over HTTP, by git's own `http-backend`: who may read and push, and what a push sets in motion."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from flask import Flask, Response, request

from sandbox.auth import Caller, Refused, caller, require
from sandbox.bare import CLEAN, REPORT
from sandbox.pushes import Move, tell
from sandbox.rules import hook_environment
from sandbox.state import Repository

if TYPE_CHECKING:
    from sandbox.server import Sandbox

SERVICES = ("git-upload-pack", "git-receive-pack")
CHUNK = 65536


class GitHttp:
    """Serves /OWNER/NAME(.git)/info/refs, git-upload-pack and git-receive-pack."""

    def __init__(self, sandbox: Sandbox, flask: Flask) -> None:
        self._sandbox = sandbox
        flask.add_url_rule("/<owner>/<name>/info/refs", "git.refs", self._refs, methods=["GET"])
        for service in SERVICES:
            flask.add_url_rule(f"/<owner>/<name>/{service}", service, self._service, methods=["POST"])

    def _refs(self, owner: str, name: str) -> Response:
        service = request.args.get("service", "")
        if service not in SERVICES:
            return Response("Please upgrade your git client.\n", 403)
        return self._serve(owner, name, service, "info/refs")

    def _service(self, owner: str, name: str) -> Response:
        service = request.path.rpartition("/")[2]
        return self._serve(owner, name, service, service)

    def _serve(self, owner: str, name: str, service: str, path: str) -> Response:
        call = service.replace("git-", "git ") + (" refs" if path == "info/refs" else "")
        faults, began, who = self._sandbox.faults, time.monotonic(), Caller()
        # All of it, before anything can end: a git that is killed or never begun must leave no body on the line.
        request.get_data()
        answer = faults.before(call)
        if answer is None:
            try:
                repository, who = self._admit(owner, name.removesuffix(".git"), service)
                done = self._work(call, repository, who, path, service)
            except Refused as refused:
                headers = {"WWW-Authenticate": 'Basic realm="GitHub"'} if refused.status == 401 else {}
                done = Response(f"{refused.message}\n", refused.status, headers)
            answer = faults.after(call, done)
            if answer is not done:
                done.close()
        self._sandbox.log_request(call, request.path, answer.status_code, who, time.monotonic() - began)
        return answer

    def _admit(self, owner: str, name: str, service: str) -> tuple[Repository, Caller]:
        with self._sandbox.world.lock:
            who = caller(self._sandbox.world, request)
            repository = self._sandbox.world.repository(f"{owner}/{name}")
            if repository is None:
                raise Refused(404 if who.user or who.token else 401, "Repository not found.")
            try:
                require(who, repository, "contents", "write" if service == "git-receive-pack" else "read")
            except Refused as refused:
                raise Refused(401 if who.kind == "anonymous" else refused.status, refused.message) from None
            return repository, who

    def _work(self, call: str, repository: Repository, who: Caller, path: str, service: str) -> Response:
        """Let git answer. A push is answered when it is over and told; a fetch flows as git writes it."""
        environment = {**_environment(repository, path, service), "REMOTE_USER": who.name or "nobody"}
        if path != "git-receive-pack":
            return _response(self._begin(call, repository, environment))
        with tempfile.TemporaryDirectory(prefix="push-", dir=self._sandbox.root) as folder:
            report = Path(folder) / "report"
            ruled = hook_environment(self._sandbox, repository, who, Path(folder))
            output = self._begin(call, repository, {**environment, **ruled, REPORT: str(report)})
            answer = _response(output)
            answer.get_data()  # all of it, or that there is none
            output.close()
            tell(self._sandbox, repository, _moves(report), who.acts_as)
        return answer

    def _begin(self, call: str, repository: Repository, environment: dict[str, str]) -> _Output:
        settings = self._sandbox.faults.environment(call, repository.git.path)
        process = _Backend(
            ["git", "http-backend"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_with_settings(environment, settings),
            start_new_session=True,
        )
        self._sandbox.faults.during(call, process)
        return _Output(process, io.BytesIO(request.get_data()))


class _Backend(subprocess.Popen[bytes]):
    """Git's CGI program; whoever signals it signals those that it has begun, too.

    Its children write to the same pipe. One that outlived it would hold the pipe open, and the answer would wait.
    """

    def send_signal(self, sig: int) -> None:
        """To the whole family."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, sig)

    def end(self) -> None:
        """Wait until it has ended, then end what it left behind."""
        self.wait()
        self.send_signal(signal.SIGKILL)


def _with_settings(environment: dict[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """The environment with these settings of git's after those that it has."""
    count = int(environment.get("GIT_CONFIG_COUNT", "0"))
    given = {"GIT_CONFIG_COUNT": str(count + len(settings))} if settings else {}
    for number, (name, value) in enumerate(settings.items(), count):
        given |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return {**environment, **given}


def _environment(repository: Repository, path: str, service: str) -> dict[str, str]:
    """What a CGI program is told about the request."""
    given = {
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(request.get_data())) if request.method == "POST" else "",
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
    }
    return {
        **CLEAN,
        "GIT_PROJECT_ROOT": str(repository.git.path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.git.path.name}/{path}",
        "QUERY_STRING": f"service={service}" if path == "info/refs" else "",
        "REQUEST_METHOD": request.method,
        "REMOTE_ADDR": "127.0.0.1",
        **{name: value for name, value in given.items() if value},
    }


class _Output:
    """What git writes while it reads the request; closing it ends git, however far it has come."""

    def __init__(self, process: _Backend, body: IO[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._out = process.stdout
        self._feeder = threading.Thread(target=_feed, args=(body, process.stdin), name="git-body", daemon=True)
        self._feeder.start()
        self._undertaker = threading.Thread(target=process.end, name="git-end", daemon=True)
        self._undertaker.start()

    def head(self) -> list[tuple[str, str]]:
        """The headers, up to the empty line. None at all when git died."""
        rows = []
        while line := self._out.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            rows.append((name, value))
        return rows

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._out.read1(CHUNK):  # type: ignore[attr-defined]  # a pipe is read through a buffer
            yield chunk

    def close(self) -> None:
        """Leave no process behind."""
        self._out.close()
        self._undertaker.join(timeout=1.0)
        self._process.kill()
        self._undertaker.join()
        self._feeder.join()


def _feed(body: IO[bytes], into: IO[bytes]) -> None:
    # A client that hangs up and a git that has read enough end the same way: nothing more to write.
    with suppress(OSError, ValueError), into:
        while chunk := body.read(CHUNK):
            into.write(chunk)


def _response(output: _Output) -> Response:
    """The answer that the CGI program wrote: its Status header, its other headers, its body as it comes."""
    headers = output.head()
    if not headers:
        output.close()
        return Response("the git server died\n", 500)
    status = next((int(value.split(" ")[0]) for name, value in headers if name.lower() == "status"), 200)
    answer = Response(iter(output), status, [pair for pair in headers if pair[0].lower() != "status"])
    answer.call_on_close(output.close)
    return answer


def _moves(report: Path) -> list[Move]:
    """The refs that git moved for this push, as its own hook reported them."""
    lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
    return [Move(ref, old, new) for old, new, ref in (line.split(" ", 2) for line in lines)]
