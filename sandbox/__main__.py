"""The stand-in GitHub alone, to look at or to point a bot at: `python -m sandbox --root DIR --port 8116 --seed`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from sandbox.seed import MANIFEST, seed
from sandbox.server import Sandbox


def main() -> int:
    """Serve until Ctrl-C or SIGTERM; what a client needs to know is printed first."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="an empty or new folder for the git repositories")
    parser.add_argument("--port", type=int, default=0, help="default: any that is free")
    parser.add_argument("--seed", action="store_true", help=f"make {MANIFEST}, its projects and its people")
    options = parser.parse_args()
    if options.root.exists() and any(options.root.iterdir()):
        parser.error(f"{options.root} is not empty: its repositories would not be known to a new sandbox")
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    sandbox = Sandbox(options.root, port=options.port)
    sandbox.start()
    try:
        if options.seed:
            seed(sandbox)
        sys.stdout.write(about(sandbox))
        sys.stdout.flush()
        end.wait()
    finally:
        sandbox.stop()
    return 0


def about(sandbox: Sandbox) -> str:
    """Addresses, people with their tokens, repositories."""
    people = [user for user in sandbox.world.users.values() if user.type == "User"]
    lines = [
        f"web, git  {sandbox.url}",
        f"REST      {sandbox.api_url}",
        *(f"token     {user.login}: {user.token}" for user in people),
        *(f"git       {sandbox.url}/{each.full_name}.git" for each in sandbox.world.repositories.values()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
