"""A token that was revoked before its time is replaced, for git as for the API, and stops no release."""

from __future__ import annotations

import pytest

from bot.outage import Outage
from tests.flows.conftest import Play
from tests.stage import MANIFEST


def test_git_gets_another_token_where_ours_was_revoked(play: Play) -> None:
    pull = play.propose()
    play.stage.person("hubot").merge(MANIFEST, pull)
    play.stage.sandbox.world.tokens.clear()
    with pytest.raises(Outage, match="does not accept the token"):
        play.publish(pull)
    assert play.publish(pull).state == "done"
    assert "refs/tags/v115.0.1" in play.stage.refs()
