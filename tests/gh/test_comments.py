"""Reading comments, and saying each thing once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.gh.world import HOME, MARK, World


def test_a_comment_is_read_whole(world: World) -> None:
    issue = world.issue()
    number = world.sandbox.person("octocat").comment(HOME, issue, "/release help")
    world.requests()
    comment = world.repository.comment(number)
    assert world.requests() == ["GET /issues/comments/<comment_id>"]
    assert comment is not None
    assert (comment.id, comment.issue, comment.author, comment.body) == (number, issue, "octocat", "/release help")
    assert comment.author_id == world.sandbox.user("octocat").id
    assert comment.created_at.tzinfo is not None
    assert comment.by_app is None
    world.sandbox.person("octocat").delete_comment(HOME, number)
    assert world.repository.comment(number) is None


def test_comments_since_a_moment_come_from_every_issue_oldest_first(world: World) -> None:
    moment = datetime.now(UTC).replace(microsecond=0)
    numbers = [world.sandbox.person("octocat").comment(HOME, world.issue(), text) for text in ("a", "b")]
    world.requests()
    found = [comment.id for comment in world.repository.comments_since(moment)]
    assert found[-2:] == numbers
    assert world.requests() == ["GET /issues/comments"]
    assert world.repository.comments_since(moment + timedelta(hours=1)) == []


def test_more_than_a_hundred_comments_are_read_page_by_page(world: World) -> None:
    issue = world.issue()
    ours = world.repository.say(issue, "first", MARK)
    for number in range(100):
        world.sandbox.person("octocat").comment(HOME, issue, f"comment {number}")
    late = world.repository.say(issue, "last", "<!-- bot:late -->")
    world.requests()
    assert world.repository.find_said(issue, MARK) == ours
    assert world.requests() == ["GET /issues/<number>/comments"]
    assert world.repository.find_said(issue, "<!-- bot:late -->") == late
    assert world.requests() == ["GET /issues/<number>/comments"] * 2


def test_saying_it_again_changes_nothing(world: World) -> None:
    issue = world.issue()
    world.requests()
    said = world.repository.say(issue, "Planning.", MARK)
    assert world.requests() == ["GET /issues/<number>/comments", "POST /issues/<number>/comments"]
    assert said.body == f"Planning.\n\n{MARK}"
    assert said.by_app == world.app.id
    assert world.repository.say(issue, said.body, MARK) == said
    assert world.requests() == ["GET /issues/<number>/comments"]
    edited = world.repository.say(issue, "Done.", MARK)
    assert world.requests() == ["GET /issues/<number>/comments", "PATCH /issues/comments/<comment_id>"]
    assert (edited.id, edited.body) == (said.id, f"Done.\n\n{MARK}")
    assert len(world.sandbox.person("octocat").comments(HOME, issue)) == 1


def test_what_others_say_with_our_marker_is_not_ours(world: World) -> None:
    issue = world.issue()
    world.sandbox.person("octocat").comment(HOME, issue, f"x {MARK}")
    ours = world.repository.say(issue, "ours", MARK)
    assert world.repository.find_said(issue, MARK) == ours
    assert world.repository.find_said(issue, MARK, since=datetime.now(UTC) + timedelta(hours=1)) is None
    assert world.repository.say(issue, f"quotes {MARK} inside", "<!-- bot:other -->").id != ours.id


def test_a_reaction_is_there_once_and_can_be_taken_back(world: World) -> None:
    number = world.sandbox.person("octocat").comment(HOME, world.issue(), "x")
    world.sandbox.person("octocat").ask("POST", f"/repos/{HOME}/issues/comments/{number}/reactions", {"content": "+1"})
    world.requests()
    world.repository.react(number, "eyes")
    assert world.requests() == ["POST /issues/comments/<comment_id>/reactions"]
    world.repository.react(number, "eyes")
    world.repository.react(number, "+1")
    assert sorted(world.sandbox.person("octocat").reactions(HOME, number)) == ["+1", "+1", "eyes"]
    world.requests()
    world.repository.unreact(number, "+1")
    assert world.requests() == [
        "GET /issues/comments/<comment_id>/reactions",
        "DELETE /issues/comments/<comment_id>/reactions/<reaction_id>",
    ]
    world.repository.unreact(number, "+1")
    assert sorted(world.sandbox.person("octocat").reactions(HOME, number)) == ["+1", "eyes"]


def test_an_issue_of_ours_is_kept_and_opened_once(world: World) -> None:
    number = world.repository.keep_issue("Found", "one", MARK)
    assert world.requests() == ["GET /issues", "POST /issues"]
    assert world.repository.keep_issue("Found", "one", MARK) == number
    assert world.requests() == ["GET /issues"]
    world.sandbox.person("octocat").ask("PATCH", f"/repos/{HOME}/issues/{number}", {"state": "closed"})
    world.requests()
    assert world.repository.keep_issue("Found", "two", MARK) == number
    assert world.requests() == ["GET /issues", "PATCH /issues/<number>"]
    shape = world.sandbox.person("octocat").ask("GET", f"/repos/{HOME}/issues/{number}")
    assert (shape["state"], shape["body"]) == ("open", f"two\n\n{MARK}")
