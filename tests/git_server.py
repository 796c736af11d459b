"""A git server to be bad on purpose: real bare repositories behind `git http-backend`, or answers made up by a test.

The stand-in GitHub is for whole-bot tests; this one is for what no GitHub does: old protocols, garbage, slow
answers, redirects elsewhere, refs that move in the middle of a push.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CLEAN = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "HOME": os.devnull,
    "LC_ALL": "C",
    **{
        f"GIT_{who}_{what}": f"{what.lower()}@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("EMAIL", "NAME")
    },
    "GIT_AUTHOR_DATE": "1382572800 +0000",
    "GIT_COMMITTER_DATE": "1382572800 +0000",
}

Files = Mapping[str, bytes | str | tuple[str, bytes]]
FILES: Files = {
    "version.txt": "COREOS_BUILD=115\n",
    "docs/a.md": "a\n",
    "default.xml": ("120000", b"build-115.xml"),
}
"""A manifest repository, as small as can be. A pair is a mode and bytes."""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    connection: int


@dataclass
class Reply:
    """An answer made up by a test.

    `length`: what Content-Length says, where that is not the body's. `drip`: what follows the body, piece by piece.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    drip: Callable[[], bytes | None] = lambda: None


Rule = Callable[[Asked], Reply | None]


class Project:
    """One bare repository on disk."""

    def __init__(self, path: Path, object_format: str = "sha1") -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "--bare", "-b", "master", f"--object-format={object_format}", ".")
        self.git("config", "http.receivepack", "true")

    def git(self, *arguments: str, data: bytes = b"", **env: str) -> str:
        """What git prints."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, input=data, capture_output=True, env={**CLEAN, **env}, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def tree(self, files: Files) -> str:
        """A tree of these files."""
        rows = b""
        for path, given in files.items():
            mode, data = given if isinstance(given, tuple) else ("100644", given)
            blob = self.git("hash-object", "-w", "--stdin", data=data.encode() if isinstance(data, str) else data)
            rows += f"{mode} {blob}\t".encode() + path.encode("utf-8", "surrogateescape") + b"\0"
        index = str(self.path / "test-index")
        self.git("update-index", "-z", "--index-info", data=rows, GIT_INDEX_FILE=index)
        tree = self.git("write-tree", GIT_INDEX_FILE=index)
        Path(index).unlink()
        return tree

    def commit(
        self,
        files: Files,
        *parents: str,
        ref: str | None = "refs/heads/master",
        message: str = "a commit",
    ) -> str:
        """A commit of these files, and a ref moved to it."""
        options = [word for parent in parents for word in ("-p", parent)]
        made = self.git("commit-tree", self.tree(files), *options, "-m", message)
        if ref:
            self.git("update-ref", ref, made)
        return made

    def tag(self, name: str, target: str) -> str:
        """An annotated tag; its object's id."""
        self.git("tag", "-a", "-m", f"about {name}", name, target)
        return self.git("rev-parse", f"refs/tags/{name}")

    def refs(self) -> dict[str, str]:
        """What is there."""
        rows = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(row.split(" ") for row in rows)

    def hook(self, name: str, script: str) -> None:
        """Have the server run something."""
        path = self.path / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


class GitServer:
    """Serves every repository below `root`. `rules` are asked in turn before git is; `asked` is what came."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[Asked] = []
        self.rules: list[Rule] = []
        self.password: str | None = None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def project(self, name: str, object_format: str = "sha1") -> Project:
        """A new empty repository, served at `url(name)`."""
        return Project(self.root / f"{name}.git", object_format)

    def url(self, name: str) -> str:
        """Where a repository is served."""
        return f"{self.origin}/{name}.git"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End, with all connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()


@contextmanager
def git_server(root: Path) -> Iterator[GitServer]:
    """A server that runs until the block ends."""
    server = GitServer(root)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Server(ThreadingHTTPServer):
    owner: GitServer
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.open: set[_Handler] = set()

    def close_connections(self) -> None:
        """Kept-alive connections would hold their threads."""
        for handler in list(self.open):
            handler.hang_up()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self)

    def finish(self) -> None:
        self.server.open.discard(self)
        super().finish()

    def hang_up(self) -> None:
        """From another thread."""
        try:
            self.connection.shutdown(2)
        except OSError:
            self.server.open.discard(self)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """`GitServer.asked` is the log."""

    def _answer(self) -> None:
        owner = self.server.owner
        body = self._body()
        asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, id(self))
        owner.asked.append(asked)
        for rule in owner.rules:
            reply = rule(asked)
            if reply is not None:
                break
        else:
            reply = self._git(body, asked.headers.get("git-protocol", ""))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
        self.end_headers()
        self.close_connection = reply.length is not None
        try:
            self.wfile.write(reply.body)
            while piece := reply.drip():
                self.wfile.write(piece)
        except OSError:
            self.close_connection = True  # the reader had enough

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _git(self, body: bytes, protocol: str) -> Reply:
        path, _, query = self.path.partition("?")
        environment = {
            **CLEAN,
            "GIT_PROJECT_ROOT": str(self.server.owner.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": protocol,
            "REMOTE_USER": "somebody",
        }
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment, check=False)
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if line)
        status = int(headers.pop("Status", "200").split(" ")[0])
        return Reply(status, rest, headers)
