"""What GitHub calls: the table of everything that is listened to, by event and action.

`receiver` verifies, reads and stores; a function of this table turns one payload into what it asks for. Nothing in
this folder talks to anybody: no GitHub, no git, no engine.
"""

from __future__ import annotations

from collections.abc import Callable

from handlers import check_run, installation, issue_comment, pull_request, push, repository, workflow_run
from handlers.events import Found, Payload

ROUTES: dict[str, Callable[[Payload], Found | None]] = {
    "issue_comment.created": issue_comment.created,
    "pull_request.opened": pull_request.changed,
    "pull_request.reopened": pull_request.changed,
    "pull_request.synchronize": pull_request.changed,
    "pull_request.edited": pull_request.changed,
    "pull_request.closed": pull_request.closed,
    "check_run.rerequested": check_run.rerequested,
    "workflow_run.requested": workflow_run.changed,
    "workflow_run.in_progress": workflow_run.changed,
    "workflow_run.completed": workflow_run.changed,
    "workflow_job.in_progress": workflow_run.job_changed,
    "workflow_job.completed": workflow_run.job_changed,
    "push": push.pushed,
    "repository.renamed": repository.changed,
    "repository.transferred": repository.changed,
    "installation.created": installation.added,
    "installation.unsuspend": installation.added,
    "installation.new_permissions_accepted": installation.added,
    "installation_repositories.added": installation.added,
}
