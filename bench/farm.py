"""A farm of git repositories to look refs up in: real ones on disk, served by one fast process of its own.

`git ls-remote` works against it. Each latency that is named gets a port of its own; a request waits so long for its
answer, as it would for a server far away. Run as `python -m bench.farm FOLDER --latency 0 0.05`: it prints the ports.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import zlib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bot.core.objects import Identity, commit_payload, tag_payload
from bot.core.pktline import DELIMITER, FLUSH, BadPackets, line, packets
from bot.core.tree import object_id

BRANCHES = ("refs/heads/build-0", "refs/heads/build-1", "refs/heads/build-2", "refs/heads/main")
TAG = "refs/tags/v1"
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_SOMEBODY = Identity("Farmer", "farmer@example.com")
_WHEN = datetime(2013, 10, 24, tzinfo=UTC)
_ASKED = re.compile(rb"(/[a-z0-9-]+/[a-z0-9-]+)(?:\.git)?/(git-upload-pack|info/refs\?service=git-upload-pack)")
_PACKED = re.compile(rb"^([0-9a-f]{40}) (\S+)\n(?:\^([0-9a-f]{40})\n)?", re.MULTILINE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLEAN = {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def grow(folder: Path, count: int) -> dict[str, str]:
    """Make the repositories, one template copied; each name with its commit, to which all of its refs lead."""
    template = folder / "template"
    template.mkdir(parents=True)
    words = ("git", "init", "--quiet", "--bare", "--template=", "--initial-branch=main", "--object-format=sha1", ".")
    subprocess.run(words, cwd=template, env=_CLEAN, check=True)
    _store(template, "tree", b"")
    commits = {}
    for number in range(count):
        name = f"team-{number % 10}/project-{number}"
        path = folder / "served" / f"{name}.git"
        shutil.copytree(template, path)
        made = commit_payload(_EMPTY_TREE, (), _SOMEBODY, _SOMEBODY, _WHEN, f"Begin {name}")
        commit = commits[name] = _store(path, "commit", made)
        tag = _store(path, "tag", tag_payload(commit, "v1", _SOMEBODY, _WHEN, f"The first of {name}"))
        rows = [f"{commit} {ref}\n" for ref in BRANCHES] + [f"{tag} {TAG}\n^{commit}\n"]
        (path / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n" + "".join(rows))
    return commits


def _store(repository: Path, kind: str, payload: bytes) -> str:
    name = object_id(kind, payload)
    path = repository / "objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(f"{kind} {len(payload)}\0".encode() + payload, 1))
    return name


def answer(served: bytes, head: bytes, body: bytes) -> bytes:
    """The whole HTTP answer to one request. The refs are read from the repository's files each time, as git does."""
    method, target, _ = head.split(b" ", 2)
    asked = _ASKED.fullmatch(target)
    if asked is None:
        return _nothing(404)
    try:
        with open(served + asked[1] + b".git/HEAD", "rb") as file:  # noqa: PTH123 - a Path costs as much as the reading
            begun = file.read()
        with open(served + asked[1] + b".git/packed-refs", "rb") as file:  # noqa: PTH123
            packed = file.read()
    except OSError:
        return _nothing(404)
    if method == b"POST" and asked[2] == b"git-upload-pack":
        return _http(b"result", ls_refs(begun, packed, body))
    said = (b"version 2\n", b"agent=git/farm\n", b"ls-refs\n", b"object-format=sha1\n")
    offer = line(b"# service=git-upload-pack\n") + FLUSH + b"".join(map(line, said)) + FLUSH
    return _http(b"advertisement", offer)


def ls_refs(begun: bytes, packed: bytes, body: bytes) -> bytes:
    """The answer of protocol v2, from what is in the files HEAD and packed-refs."""
    asked = [each.rstrip(b"\n") for each in packets(body.replace(DELIMITER, b"", 1))]
    starts = tuple(each[11:] for each in asked if each.startswith(b"ref-prefix ")) or (b"",)
    head, peels = begun[5:].strip(), b"peel" in asked
    found: list[bytes] = []
    for value, ref, peeled in _PACKED.findall(packed):
        if ref == head and b"HEAD".startswith(starts):
            found.insert(0, line(b"%s HEAD symref-target:%s\n" % (value, head)))
        if ref.startswith(starts):
            found.append(line(b"%s %s%s\n" % (value, ref, b" peeled:" + peeled if peels and peeled else b"")))
    return b"".join((*found, FLUSH))


def _http(kind: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-%s\r\nCache-Control: no-cache\r\n"
    return (head + b"Content-Length: %d\r\n\r\n%s") % (kind, len(body), body)


def _nothing(status: int) -> bytes:
    return b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status


class Connection(asyncio.Protocol):
    """One kept-alive connection: requests in, answers out after the latency."""

    def __init__(self, served: bytes, latency: float) -> None:
        self._served = served
        self._latency = latency
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody called."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole by now."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            try:
                reply = answer(self._served, head, body)
            except (BadPackets, ValueError):
                reply = _nothing(400)
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._transport.write, reply)
            else:
                self._transport.write(reply)


async def serve(folder: Path, latencies: list[float]) -> None:
    """Serve until the process is ended, the latencies on a port each; print the ports on one line."""
    served, loop = os.fsencode(folder / "served"), asyncio.get_running_loop()
    servers = [
        await loop.create_server(partial(Connection, served, latency), "127.0.0.1", 0, backlog=1024)
        for latency in latencies
    ]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


def main() -> int:
    """Serve a farm that was grown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--latency", type=float, nargs="+", default=[0.0])
    options = parser.parse_args()
    asyncio.run(serve(options.folder, options.latency))
    return 0


if __name__ == "__main__":
    sys.exit(main())
