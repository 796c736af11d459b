"""Git over HTTP, by git's own `http-backend`: who may read and push, and what a push sets in motion."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from sandbox.auth import Caller, Refused, caller, require
from sandbox.bare import CLEAN
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
        call = service.replace("git-", "git ")
        broken = self._sandbox.faults.before(call)
        if broken is not None:
            return broken
        try:
            repository, who = self._admit(owner, name.removesuffix(".git"), service)
        except Refused as refused:
            headers = {"WWW-Authenticate": 'Basic realm="GitHub"'} if refused.status == 401 else {}
            return Response(f"{refused.message}\n", refused.status, headers)
        before = repository.git.refs() if path == "git-receive-pack" else {}
        answer = self._backend(repository, path, service)
        if path == "git-receive-pack":
            self._sandbox.pushed(repository, before, who.acts_as)
        self._sandbox.log_request(call, request.path, answer.status_code, who.kind, 0.0)
        return self._sandbox.faults.after(call, answer)

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

    def _backend(self, repository: Repository, path: str, service: str) -> Response:
        body = request.get_data()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        environment = {
            **CLEAN,
            "GIT_PROJECT_ROOT": str(repository.git.path.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{repository.git.path.name}/{path}",
            "QUERY_STRING": f"service={service}" if path == "info/refs" else "",
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "sandbox",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment, check=False)
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        return _response(head.decode("latin-1"), rest)


def _response(head: str, body: bytes) -> Response:
    """The answer that a CGI program wrote: its Status header, its other headers, its body."""
    status, headers = 200, []
    for line in head.split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "status":
            status = int(value.split(" ")[0])
        elif name:
            headers.append((name, value))
    return Response(_chunks(body), status, headers)


def _chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), CHUNK):
        yield body[start : start + CHUNK]
