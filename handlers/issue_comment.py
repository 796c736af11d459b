"""A comment was written: is there a command for us in it, from a person?"""

from __future__ import annotations

from bot.core import keys
from bot.core.command import Command, find, looks_like_command, parse
from bot.core.intent import Acknowledge, Answer, AnswerNow
from handlers.events import CommentCreated, Found, Payload, comment_created


def created(payload: Payload) -> Found | None:
    """The command or mistake in this comment, to be answered; nothing for bots, Apps, and comments without one."""
    comment = comment_created(payload)
    if not _by_a_person(comment) or not looks_like_command(comment.body):
        return None
    read = parse(comment.body)
    if read is None:
        return None
    kind = Answer if isinstance(read, Command) and _is_work(read) else AnswerNow
    answer = kind(
        repository=comment.repository,
        issue=comment.issue,
        on_pull=comment.on_pull,
        comment=comment.comment,
        author=comment.author,
        author_id=comment.author_id,
        body=comment.body,
        created_at=comment.created_at,
    )
    key = keys.comment(comment.repository.id, comment.comment)
    return Found(key, (Acknowledge(comment.repository, comment.comment), answer))


def _by_a_person(comment: CommentCreated) -> bool:
    """Written by the person who is named as its author, and not through an App: ours or another's."""
    return comment.author_type == "User" and comment.author_id == comment.sender_id and not comment.by_app


def _is_work(command: Command) -> bool:
    """Whether it may have to wait its turn behind other releases."""
    spec = find(command.family, command.verb)
    return spec is not None and spec.lane == "release"
