"""The switch that breaks calls on purpose, so that what rarely happens at GitHub happens here whenever a test asks.

    switch = Switch()
    sandbox = Sandbox(root, faults=switch)
    switch.rules.append(Rule("POST /repos/{repo}/pulls", "lost"))

A rule names a call, a fault and the occurrences that it breaks; `Random` breaks a share of all calls. Which fault can
happen to which kind of call says `FITS`. What was broken is in `switch.broken`.
"""

from __future__ import annotations

import random
import socket
import subprocess
import threading
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from flask import Response, jsonify, request

from sandbox.faults import Faults
from sandbox.halves import LockedRefs

READ, WRITE, REFS, FETCH, PUSH = "read", "write", "refs", "fetch", "push"
EVERY = frozenset({READ, WRITE, REFS, FETCH, PUSH})
REST = frozenset({READ, WRITE})
FITS: Mapping[str, frozenset[str]] = {
    "lost": EVERY,
    "500": EVERY,
    "502": EVERY,
    "503": EVERY,
    "403-later": EVERY,
    "429": EVERY,
    "404": EVERY,
    "time-out": EVERY,
    "reset": EVERY,
    "slow": EVERY,
    "wrong-json": REST,
    "truncated": frozenset({FETCH}),
    "stale": frozenset({READ, FETCH}),
    "killed": frozenset({FETCH, PUSH}),
    "half-done": frozenset({PUSH}),
}
"""Each fault with the kinds of call that it can happen to.

`lost`: the effect happened, the connection ends without an answer. `time-out`: no effect and no answer for
`patience` seconds, then the connection ends; make the client's limit shorter. `reset`: the connection ends at once,
without effect. `slow`: the right answer, in drops. `wrong-json`: the effect happened, the answer's status is right and
its body broken. `truncated`: a pack that ends in its middle. `stale`: the answer from before the last change, at the
first occurrence that has one. `killed`: the git server dies before it has done anything. `half-done`: it dies while it
moves refs, with some of them moved and the others locked; the next push meets the locks.
"""
LATER = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
REFUSALS = {"500": 500, "502": 502, "503": 503, "403-later": 403, "429": 429, "404": 404}
NOTHING = 599
"""What the request log says where no answer was given."""
DROPS = 8


@dataclass(frozen=True)
class Rule:
    """Break the nth to (nth+times-1)th occurrence of a call; `times` None: all from then on.

    `call` is a name or a pattern with `*`. `who`: `app` (which fetches without a name, too), `user` or `*`.
    """

    call: str
    fault: str
    nth: int = 1
    times: int | None = 1
    who: str = "app"

    def __post_init__(self) -> None:
        if self.fault not in FITS:
            raise ValueError(f"{self.fault} is not one of {', '.join(FITS)}")

    def covers(self, call: str, who: str) -> bool:
        """Whether this is about such a call."""
        named = call == self.call or ("*" in self.call and fnmatchcase(call, self.call))
        return named and self.who in (who, "*") and kind_of(call) in FITS[self.fault]


class Random:
    """Breaks a share of the App's calls, each by a fault that fits it."""

    def __init__(self, rate: float, seed: int, without: frozenset[str] = frozenset({"time-out"})) -> None:
        self._rate = rate
        self._dice = random.Random(seed)
        self._without = without

    def fault(self, call: str) -> str | None:
        """The fault of this occurrence, or None."""
        if self._dice.random() >= self._rate:
            return None
        kind = kind_of(call)
        return self._dice.choice([name for name, fits in FITS.items() if kind in fits and name not in self._without])


def kind_of(call: str) -> str:
    """READ or WRITE for REST calls, REFS, FETCH or PUSH for git's."""
    if call.startswith("git "):
        return REFS if call.endswith(" refs") else PUSH if "receive-pack" in call else FETCH
    return READ if call.startswith(("GET ", "HEAD ")) else WRITE


class Switch(Faults):
    """Breaks what its rules say. Rules may be added and taken away at any time; the first that applies wins.

    `patience`: seconds of a time-out; `drop`: seconds between two drops of a slow answer; `later`: the Retry-After
    of a 403 or 429.
    """

    def __init__(self, *rules: Rule, patience: float = 25.0, drop: float = 0.005, later: int = 1) -> None:
        self.rules = list(rules)
        self.chance: Random | None = None
        self.broken: list[tuple[str, str]] = []
        """Every call that was broken, with its fault, in order."""
        self.seen: dict[Rule, int] = {}
        """How often each rule could have broken something."""
        self.met: set[Rule] = set()
        """The rules that broke something."""
        self.calls: list[tuple[str, str]] = []
        """Every call that came, with who made it: `app` or `user`."""
        self._patience, self._drop, self._later = patience, drop, later
        self._guard = threading.Lock()
        self._memory: dict[tuple[str, str, bytes], list[tuple[int, bytes, list[tuple[str, str]]]]] = {}
        self._open = threading.Event()
        self._locked = LockedRefs()

    def clear(self) -> None:
        """Break nothing more, and let go of what waits for a time-out and of what is locked. What was counted stays."""
        with self._guard:
            self.rules.clear()
            self.chance = None
        self._locked.clear()
        self._open.set()
        self._open = threading.Event()

    # What the sandbox calls

    def before(self, call: str) -> Response | None:
        """See `Faults`."""
        request.get_data()  # an answer to a request that was not read would leave the rest on the line
        if call == "git receive-pack":
            self._locked.meet(request.path)
        fault = request.environ["fault"] = self._choose(call)
        if fault is None or fault not in {"reset", "time-out", *REFUSALS}:
            return None
        self._note(call, fault)
        if fault in REFUSALS:
            return self._refusal(fault)
        if fault == "time-out":
            self._open.wait(self._patience)
        return _hang_up(Response(status=NOTHING))

    def environment(self, call: str, folder: Path) -> Mapping[str, str]:
        """See `Faults`."""
        if request.environ.get("fault") != "half-done":
            return {}
        return self._locked.trap(request.path, folder)

    def during(self, call: str, process: subprocess.Popen[bytes]) -> None:
        """See `Faults`."""
        if request.environ.get("fault") == "killed":
            self._note(call, "killed")
            process.kill()

    def after(self, call: str, response: Response) -> Response:
        """See `Faults`."""
        fault = request.environ.get("fault")
        if fault == "lost":
            self._note(call, fault)
            response.get_data()
            return _hang_up(response)
        if fault == "half-done" and self._locked.half_done(request.path):
            self._note(call, fault)
        if fault in ("slow", "wrong-json", "truncated"):
            self._note(call, fault)
            return self._spoilt(fault, response)
        return self._remembered(call, response, fault == "stale")

    # What is broken

    def _choose(self, call: str) -> str | None:
        who = _who()
        with self._guard:
            self.calls.append((call, who))
            chosen = None
            for rule in self.rules:
                if not rule.covers(call, who) or (rule.fault == "truncated" and not _asks_for_pack()):
                    continue
                if rule.fault == "stale":  # it is not known yet whether the answer will differ from the one before
                    request.environ["stale"] = rule
                elif self._is_due(rule) and chosen is None:
                    chosen, request.environ["rule"] = rule.fault, rule
            if chosen is None and self.chance is not None and who == "app":
                chosen = self.chance.fault(call)
            return chosen

    def _is_due(self, rule: Rule) -> bool:
        """Count an occurrence; whether it is one to break."""
        seen = self.seen[rule] = self.seen.get(rule, 0) + 1
        return seen >= rule.nth and (rule.times is None or seen < rule.nth + rule.times)

    def _note(self, call: str, fault: str) -> None:
        with self._guard:
            self.broken.append((call, fault))
            rule = request.environ.get("rule" if fault != "stale" else "stale")
            if rule is not None:
                self.met.add(rule)

    def _refusal(self, fault: str) -> Response:
        words = LATER if fault in ("403-later", "429") else "Not Found" if fault == "404" else "Server Error"
        git = request.path.endswith(("/info/refs", "-pack"))
        answer = Response(f"{words}\n", mimetype="text/plain") if git else jsonify({"message": words})
        answer.status_code = REFUSALS[fault]
        if fault in ("403-later", "429"):
            answer.headers["Retry-After"] = str(self._later)
        return answer

    def _spoilt(self, fault: str, response: Response) -> Response:
        whole = response.get_data()
        headers = [(name, value) for name, value in response.headers if name.lower() != "content-length"]
        if fault == "slow":
            answer = Response(self._drops(whole), response.status_code, headers)
            answer.headers["Content-Length"] = str(len(whole))
            return answer
        half = whole[: len(whole) // 2]
        if fault == "wrong-json":
            return Response(half or b"{", response.status_code, headers)
        answer = Response(iter([half]), response.status_code, headers)
        answer.headers["Content-Length"] = str(len(whole))
        return answer

    def _drops(self, whole: bytes) -> Iterator[bytes]:
        size = max(1, -(-len(whole) // DROPS))
        for start in range(0, len(whole), size):
            time.sleep(self._drop)
            yield whole[start : start + size]

    # What was answered before

    def _key(self) -> tuple[str, str, bytes]:
        return request.full_path, _who(), request.get_data() if request.method == "POST" else b""

    def _remembered(self, call: str, response: Response, stale: bool) -> Response:
        """The answer itself, kept; or the one before it."""
        if kind_of(call) not in FITS["stale"] or _asks_for_pack() or response.status_code >= 500:
            return response
        now = (response.status_code, response.get_data(), list(response.headers))
        with self._guard:
            known = self._memory.setdefault(self._key(), [])
            older = next((each for each in reversed(known) if each[:2] != now[:2]), None)
            if not known or known[-1][:2] != now[:2]:
                known.append(now)
            rule = request.environ.get("stale")
            if older is None or not (stale or (rule is not None and self._is_due(rule))):
                return response
        self._note(call, "stale")
        return Response(older[1], older[0], older[2])


def _who() -> str:
    """`user` for a person's token, else `app`: the App fetches public repositories without a name."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            value = b64decode(value).decode("latin-1").rpartition(":")[2]
    return "user" if value.startswith("ghp_") else "app"


def _asks_for_pack() -> bool:
    """Whether this is the request that a fetch gets its pack by."""
    return request.path.endswith("/git-upload-pack") and b"command=ls-refs" not in request.get_data()


def _hang_up(response: Response) -> Response:
    """End the connection; the response is for the log alone."""
    connection = request.environ.get("werkzeug.socket")
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    return response
