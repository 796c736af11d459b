"""`python -m tests.fidelity`: fetches GitHub's description where it is missing, and says what does not fit it."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from sandbox.server import ROUTES
from tests.fidelity.exceptions import ANYWHERE, EXCEPTIONS, LEFT_OUT
from tests.fidelity.report import Report, judge
from tests.fidelity.schemas import OPENAPI, NotFetched, fetch


def main() -> int:
    """0 where everything fits, 1 where not, 2 where there is nothing to hold it against."""
    try:
        fetch()
    except NotFetched as missing:
        sys.stderr.write(f"{missing}\n")
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = judge(Path(folder))
    _tell(report, time.monotonic() - began)
    return 1 if report.wrong or report.unseen or report.unused else 0


def _tell(report: Report, seconds: float) -> None:
    taken, known = len(ROUTES) - len(report.unseen), len(EXCEPTIONS) + len(LEFT_OUT)
    rows = [
        f"Held against {OPENAPI.name} {OPENAPI.version} in {seconds:.0f} s:",
        f"  {report.requests} requests and as many answers, on {taken} of {len(ROUTES)} routes",
        f"  {report.webhooks} webhooks of {len(report.events)} kinds",
        f"  {known} exceptions, and {len(ANYWHERE)} statuses that any operation may answer",
        f"  {report.bots.total()} of the requests are the bot's, of {len(report.bots)} operations:",
        *(f"    {count:4} {name}" for name, count in sorted(report.bots.items(), key=lambda pair: (-pair[1], pair[0]))),
        *(f"  a route that was never taken: {name}" for name in report.unseen),
        *(f"  an exception without a use: {name}" for name in sorted(report.unused)),
        f"{len(report.wrong)} wrong",
        *(f"  {count:4} {fault}" for fault, count in sorted(report.wrong.items())),
    ]
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    sys.exit(main())
