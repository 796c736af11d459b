"""The name of each thing that happened on GitHub, so that it is taken up once however often we are told.

Webhooks and the sweep make the same key for the same happening; the inbox holds a key once. Keys come from signed
content only: a delivery's GUID and event name are headers, and headers are not signed.
"""

from __future__ import annotations


def comment(repository: int, comment_id: int) -> str:
    """A comment was written."""
    return f"comment/{repository}/{comment_id}"


def merged(repository: int, pull: int, merge_commit: str) -> str:
    """A pull request was merged as this commit."""
    return f"merged/{repository}/{pull}/{merge_commit}"


def closed(repository: int, pull: int, head: str, at: str) -> str:
    """A pull request was closed unmerged at this time; it may be reopened and closed again."""
    return f"closed/{repository}/{pull}/{head}/{at}"


def changed(repository: int, pull: int, action: str, head: str, at: str) -> str:
    """A pull request, or what is said about its head, changed."""
    return f"changed/{repository}/{pull}/{action}/{head}/{at}"


def run(repository: int, run_id: int, attempt: int, status: str, at: str) -> str:
    """A GitHub Actions run came to this status."""
    return f"run/{repository}/{run_id}/{attempt}/{status}/{at}"


def sweep(repository: int, at: str) -> str:
    """The timer asked for a look at this repository."""
    return f"sweep/{repository}/{at}"


def ordered(repository: int, pull: int, what: str, at: str) -> str:
    """The operator ordered something about a pull request."""
    return f"ordered/{repository}/{pull}/{what}/{at}"


def content(kind: str, digest: str) -> str:
    """Something that only asks us to look again, named by the digest of its body."""
    return f"{kind}/{digest}"
