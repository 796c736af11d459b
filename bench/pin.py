"""What it takes to pin a manifest of a thousand projects without a clone: `make bench-pin`.

Beside it, in the same run and in turn: the floor, which is the bare number of requests over as many connections, by
the leanest client there can be; and `git ls-remote`, a process for each project. Once with the latency of a server
far away, once with none, where only the work of this program is left to see.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench.farm import BRANCHES, TAG, grow
from bot.core.pktline import ls_refs

AT_ONCE = 32
_PINNED = re.compile(rb'<project name="([^"]+)"[^>]* revision="([0-9a-f]{40})"')
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)")
_HOME = {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


@dataclass(frozen=True)
class Pinned:
    """One process that pinned: what it took in seconds, and its peak memory in bytes.

    `work` is the command itself: from its arguments to the pinned bytes being written.
    """

    whole: float
    imports: float
    work: float
    memory: int


def main() -> int:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--git", type=int, default=200, help="how many projects git is run for")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commits = grow(folder, options.projects)
        with served(folder, (options.latency, 0.0)) as (far, near):
            print(f"{len(commits):,} projects, {AT_ONCE} connections, medians of {options.rounds} rounds in turn")
            for latency, port, aim in ((options.latency, far, 1.25), (0.0, near, 2.0)):
                print(f"\nAt {latency * 1000:g} ms latency")
                compare(folder, commits, port, options.rounds, aim)
                git(commits, port, options.git)
    return 0


@contextmanager
def served(folder: Path, latencies: tuple[float, ...]) -> Iterator[list[int]]:
    """The farm's process; its ports."""
    words = [sys.executable, "-m", "bench.farm", str(folder), "--latency", *map(str, latencies)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield [int(port) for port in process.stdout.readline().split()]
        finally:
            process.terminate()


def followed(number: int) -> str:
    """The ref that a project follows: branches for the most part, and some tags."""
    return TAG if number % 10 == 9 else BRANCHES[number % len(BRANCHES)]


def compare(folder: Path, commits: Mapping[str, str], port: int, rounds: int, aim: float) -> None:
    """Floor and pin, in turn."""
    projects = [f'  <project name="{name}" revision="{followed(number)}"/>\n' for number, name in enumerate(commits)]
    manifest = folder / "default.xml"
    head = '<manifest>\n  <remote name="farm" fetch=".."/>\n  <default remote="farm" revision="main"/>\n'
    manifest.write_text(head + "".join(projects) + "</manifest>\n")
    floors, pins = [], []
    for _ in range(rounds):
        floors.append(floor(port, [request(port, name, followed(number)) for number, name in enumerate(commits)]))
        pins.append(pin(manifest, port, commits))
    least, work = statistics.median(floors), statistics.median(each.work for each in pins)
    whole, imports = (statistics.median(getattr(each, part) for each in pins) for part in ("whole", "imports"))
    print(f"floor, bare requests: {least:.3f} s ({len(commits) / least:,.0f} a second)")
    print(f"`bot pin`, from its arguments to the last byte: {work:.3f} s")
    print(f"`bot pin`, the whole process: {whole:.3f} s (imports: {imports:.3f} s)")
    print(f"`bot pin`, peak memory: {max(each.memory for each in pins) / 1e6:.0f} MB (aim: below 80)")
    print(f"ratio to floor: {work / least:.2f} (aim: at most {aim:g}; whole process: {whole / least:.2f})")
    print(f"ratio of the fastest rounds: {min(each.work for each in pins) / min(floors):.2f}")


def request(port: int, name: str, ref: str) -> bytes:
    """The question about one project, and nothing that it does not need."""
    body = ls_refs((ref,))
    head = f"POST /{name}.git/git-upload-pack HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Git-Protocol: version=2\r\n\r\n" + body


def floor(port: int, requests: list[bytes]) -> float:
    """Seconds for all the answers, read no further than to their ends."""
    began = time.perf_counter()
    todo, left = iter(requests), len(requests)
    with selectors.DefaultSelector() as selector:
        for first in islice(todo, AT_ONCE):
            opened = socket.create_connection(("127.0.0.1", port))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.sendall(first)
            selector.register(opened, selectors.EVENT_READ, bytearray())
        while left:
            for key, _ in selector.select():
                left -= answered(key, selector, todo)
    return time.perf_counter() - began


def answered(key: selectors.SelectorKey, selector: selectors.BaseSelector, todo: Iterator[bytes]) -> bool:
    """Whether an answer ended; then the next request is sent, or the connection closed."""
    opened = key.fileobj
    assert isinstance(opened, socket.socket)
    key.data.extend(opened.recv(1 << 16))
    end, length = key.data.find(b"\r\n\r\n"), _LENGTH.search(key.data)
    if end < 0 or not length or len(key.data) < end + 4 + int(length[1]):
        return False
    key.data.clear()
    following = next(todo, None)
    if following is None:
        selector.unregister(opened)
        opened.close()
    else:
        opened.sendall(following)
    return True


def pin(manifest: Path, port: int, commits: Mapping[str, str]) -> Pinned:
    """A process of its own pins; what it printed must be right."""
    origin = f"http://127.0.0.1:{port}"
    arguments = [str(manifest), "--url", f"{origin}/manifests/all", "--origin", origin]
    words = [sys.executable, "-m", "bench.pin_once", *arguments]
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, check=False)
    whole = time.perf_counter() - began
    assert done.returncode == 0, done.stderr.decode()
    assert {name.decode(): commit.decode() for name, commit in _PINNED.findall(done.stdout)} == commits
    parts = json.loads(done.stderr)
    return Pinned(whole, memory=parts.pop("memory") * 1024, **parts)


def git(commits: Mapping[str, str], port: int, most: int) -> None:
    """Processes of git's own, for a part of the projects; the figure is for all."""
    names = list(commits)[:most]
    if not names:
        return

    def ask(numbered: tuple[int, str]) -> None:
        ref = followed(numbered[0])
        words = ["git", "ls-remote", f"http://127.0.0.1:{port}/{numbered[1]}", ref, ref + "^{}"]
        out = subprocess.run(words, env=_HOME, capture_output=True, text=True, check=True).stdout
        assert commits[numbered[1]] in out

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(ask, enumerate(names)))
    took = (time.perf_counter() - began) * len(commits) / len(names)
    print(f"git ls-remote, {AT_ONCE} processes at a time: {took:.1f} s (one round; {len(names):,} were asked)")


if __name__ == "__main__":
    sys.exit(main())
