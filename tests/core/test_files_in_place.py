"""Step 5 of the procedure on a release branch: the manifest is edited where it stands, and only values change in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from bot.core import refusal as no
from bot.core.plan import Plan
from bot.core.plan.request import Request
from bot.core.tree import FILE, Entry
from tests.core import world
from tests.core.test_files import ETCD_MOVES, changed
from tests.core.world import ETCD, NEW, PINS, outcome, request, snapshot, written

SEED = world.tree().entries["build-115.xml"].data.decode()
OLD_PIN = f'revision="{PINS["coreos/etcd"]}" upstream="refs/heads/master"'
NEW_PIN = f'revision="{NEW}" upstream="refs/heads/release-0.1"'


def edited(text: str, asked: Request = ETCD_MOVES) -> Plan | no.Refusal:
    return outcome(changed(snapshot(), {"build-115.xml": Entry(FILE, text.encode())}), asked)


WRITTEN_BY_HAND = {
    "as it is": SEED,
    "line ends of Windows": SEED.replace("\n", "\r\n"),
    "no line end at the end": SEED.removesuffix("\n"),
    "tabs": SEED.replace("  <", "\t<"),
    "on one line": SEED.replace("\n", ""),
    "a row an attribute": SEED.replace(" revision=", "\n        revision="),
    "projects out of order": SEED.replace("coreos/init", "zzz/init"),
    "comments that look like it": SEED.replace(
        "<manifest>", f'<manifest>\n<!-- <project path="{ETCD}" {OLD_PIN}/> -->'
    ),
    "an instruction": SEED.replace("<manifest>", f'<manifest>\n<?note path="{ETCD}" {OLD_PIN}?>'),
    "no declaration": SEED.partition("\n")[2],
    "another character": SEED.replace('review="gerrit.example"', 'review="gerrit.example/&#228;ü"'),
}


@pytest.mark.parametrize("text", WRITTEN_BY_HAND.values(), ids=WRITTEN_BY_HAND)
def test_on_a_release_branch_nothing_but_the_values_of_the_pin_changes(text: str) -> None:
    whole = edited(text)
    assert isinstance(whole, Plan), whole
    at = text.index(f'name="coreos/etcd" path="{ETCD}"')
    after = text[:at] + re.sub(
        re.escape(PINS["coreos/etcd"]) + '(" upstream=")refs/heads/master',
        f"{NEW}\\1refs/heads/release-0.1",
        text[at:],
        count=1,
    )
    assert written(whole, "build-115.xml").decode() == after != text


@pytest.mark.parametrize(
    ("row", "after"),
    [
        (OLD_PIN.replace('"', "'"), NEW_PIN.replace('"', "'")),
        (OLD_PIN.replace("=", " = "), NEW_PIN.replace("=", " = ")),
        (f'revision="{PINS["coreos/etcd"]}"', NEW_PIN),
        (f"revision='{PINS['coreos/etcd']}'", NEW_PIN.replace('"', "'")),
        (
            f'upstream="refs/heads/master" revision="{PINS["coreos/etcd"]}"',
            f'upstream="refs/heads/release-0.1" revision="{NEW}"',
        ),
        (f'{OLD_PIN} sync-c="true"', f'{NEW_PIN} sync-c="true"'),
    ],
)
def test_quotes_blanks_and_the_order_of_attributes_stay_as_somebody_wrote_them(row: str, after: str) -> None:
    whole = edited(SEED.replace(OLD_PIN, row))
    assert isinstance(whole, Plan), whole
    assert written(whole, "build-115.xml").decode() == SEED.replace(OLD_PIN, after)


GAPS = sorted({match.start() for match in re.finditer(r"(?<=>)|(?=<)", SEED) if 0 < match.start() < len(SEED)})
INSIDE = [at for at in GAPS if SEED.index("<manifest>") + len("<manifest>") <= at <= SEED.index("</manifest>")]
FILLING = st.sampled_from([" ", "\n", "\t", "\r\n", "\n\n\n"]) | st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"), exclude_characters="-"), max_size=30
).map(lambda words: f"<!--{words}-->")


@given(st.dictionaries(st.sampled_from(INSIDE), FILLING, min_size=1, max_size=6))
def test_whatever_stands_between_the_tags_stays_where_it_stands(between: dict[int, str]) -> None:
    text = SEED
    for at, words in sorted(between.items(), reverse=True):
        text = text[:at] + words + text[at:]
    whole = edited(text)
    assert isinstance(whole, Plan), whole
    assert text.count(OLD_PIN) == 1
    assert written(whole, "build-115.xml").decode() == text.replace(OLD_PIN, NEW_PIN)


BLANKS = [match.start() for match in re.finditer(r" (?=[a-z-]+=)", SEED)]


@given(st.dictionaries(st.sampled_from(BLANKS), st.sampled_from(["  ", "\n", "\t", " \r\n "]), max_size=8))
def test_whatever_blanks_stand_inside_a_tag_stay(inside: dict[int, str]) -> None:
    text = SEED
    for at, blanks in sorted(inside.items(), reverse=True):
        text = text[:at] + blanks + text[at + 1 :]
    whole = edited(text)
    assert isinstance(whole, Plan), whole
    after = text.replace(PINS["coreos/etcd"], NEW)
    at = after.index(NEW)
    after = after[:at] + after[at:].replace("refs/heads/master", "refs/heads/release-0.1", 1)
    assert written(whole, "build-115.xml").decode() == after


def test_a_rename_changes_the_name_where_it_stands() -> None:
    whole = edited(SEED, request(renames={"etcd": "etcd-io/etcd"}, projects="none"))
    assert isinstance(whole, Plan)
    assert written(whole, "build-115.xml").decode() == SEED.replace('name="coreos/etcd"', 'name="etcd-io/etcd"')
