"""One run of `python -m bot pin`, with its times: the process that `bench.pin` starts.

Run as `python -m bench.pin_once ARGUMENTS OF PIN`. The pinned manifest goes to the standard output, what was taken to
the error output: from the first line of this file to the last byte written, and the part of it that is imports.
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import json  # noqa: E402 - what these take is a part of the figures
import resource  # noqa: E402
import sys  # noqa: E402

import bot.hand.pin  # noqa: E402, F401 - the command imports it only when it is wanted, and so it is counted apart
from bot.__main__ import main as command  # noqa: E402


def main() -> int:
    """Run it, and say what it took."""
    imported = time.perf_counter()
    status = command(["pin", *sys.argv[1:]])
    ended = time.perf_counter()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"imports": imported - BEGAN, "work": ended - imported, "memory": memory}), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
