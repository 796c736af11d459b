"""How a command by hand can end, told to the person in a sentence and to scripts by the exit status."""

from __future__ import annotations

DONE, FAILED, MISUSED, REFUSED, WRONG, DECLINED, STAYED = range(7)
"""Done; something outside did not answer; not understood; refused; not consistent; not wanted after all; released,
but a channel that should have moved did not."""


class Refused(Exception):
    """The command ends here: one sentence for the person, and the exit status."""

    def __init__(self, sentence: str, status: int = REFUSED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
