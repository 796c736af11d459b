"""One pinning of a manifest from its file to the bytes of the pinned one: the process that `bench.pin` times.

Run as `python -m bench.pin_once FILE ADDRESS`, the address being that of the manifest repository. The pinned manifest
goes to the standard output, what each part took to the error output.
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import json  # noqa: E402 - what these take is a part of the figures
import resource  # noqa: E402
import sys  # noqa: E402
from itertools import pairwise  # noqa: E402
from pathlib import Path  # noqa: E402
from urllib.parse import urlsplit  # noqa: E402

from bot.core.manifest import needed, pinned, read, select, to_xml  # noqa: E402
from bot.core.tree import FILE, Entry, Tree  # noqa: E402
from bot.remotes import FetchPolicy, Heads, Query, Remotes, Unreadable  # noqa: E402


def main() -> int:
    """Pin, print, and say what it took."""
    file, address = Path(sys.argv[1]), sys.argv[2]
    times = [BEGAN, time.perf_counter()]
    manifest = select(read(Tree({file.name: Entry(FILE, file.read_bytes())}), file.name))
    queries = [Query(each.url, each.url, each.refs) for each in needed(manifest, address)]
    times.append(time.perf_counter())
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    with Remotes(FetchPolicy(origin=origin), file.parent / "scratch") as remotes:
        heads = remotes.heads(queries)
    times.append(time.perf_counter())
    found = {(query.url, ref): commit for query, ref, commit in flat(heads)}
    sys.stdout.buffer.write(to_xml(pinned(manifest, address, found)))
    sys.stdout.buffer.flush()
    times.append(time.perf_counter())
    took = [after - before for before, after in pairwise(times)]
    parts = dict(zip(("imports", "reading", "asking", "printing"), took, strict=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({**parts, "memory": memory}), file=sys.stderr)
    return 0


def flat(heads: dict[Query, Heads | Unreadable]) -> list[tuple[Query, str, str]]:
    """Every query with each of its refs and commits; one that failed ends the program."""
    found = []
    for query, answer in heads.items():
        if isinstance(answer, Unreadable):
            raise SystemExit(f"{query.url}: {answer.reason}")
        found += [(query, ref, commit) for ref, commit in answer.refs.items()]
    return found


if __name__ == "__main__":
    sys.exit(main())
