"""One comment leads to one release, whatever answer is lost in between."""

from __future__ import annotations

import pytest
from flask import Response

from bot.outage import Outage
from sandbox.faults import Faults
from tests.flows.conftest import Play
from tests.stage import MANIFEST

COMMAND = "/release patch build-115 --allow-empty"


class LosesThePull(Faults):
    """Loses the first answer to opening a pull request: it is open, and nobody was told its number."""

    lost = False

    def after(self, call: str, response: Response) -> Response:
        if call != "POST /repos/{repo}/pulls" or self.lost:
            return response
        self.lost = True
        return Response("{}", 502, content_type="application/json")


def test_a_pull_request_merged_before_we_knew_its_number_is_not_followed_by_another(play: Play) -> None:
    play.stage.sandbox.faults = LosesThePull()
    issue, comment = play.stage.ask(COMMAND)
    with pytest.raises(Outage):
        play.answer(issue, comment, COMMAND, "octocat")
    (pull,) = play.stage.person("octocat").pulls(MANIFEST)
    play.stage.person("hubot").merge(MANIFEST, pull["number"])
    play.answer(issue, comment, COMMAND, "octocat")
    assert len(play.stage.person("octocat").pulls(MANIFEST, "all")) == 1
    assert play.stage.reply(issue, comment).startswith(f"Opened #{pull['number']} for **115.0.1**")
    assert play.publish(pull["number"]).state == "done"
