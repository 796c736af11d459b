"""The comment that is edited while a release is published and built, and the comments that end it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st
from markdown_it import MarkdownIt

from bot.core.command import parse
from bot.core.hub import Job, Run
from bot.core.text import progress as words
from bot.core.text.progress import Row

START = datetime(2013, 10, 25, 12, 30, tzinfo=UTC)
PAGE = "https://github.com/coreos/scripts/actions/runs/77"
RUN = Run(77, "v115.0.1 x", "completed", "success", PAGE, START, START + timedelta(minutes=65))
JOB = Job("prod", "completed", "success", START, START + timedelta(minutes=41), f"{PAGE}/job/1")
ROWS = [
    Row("prove the merge", "done", START, "merge `3e3e3e3`, 8 of 8 proofs"),
    Row("start build", "running"),
    Row("qemu", "waiting", None, "[log](https://example.org/)"),
]
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HARMFUL = {"link_open", "image", "html_inline", "html_block", "fence", "code_block"}


def kinds(text: str) -> set[str]:
    return {inner.type for token in PARSER.parse(text) for inner in (token, *(token.children or ()))}


def cells(text: str) -> int:
    return sum(token.type == "td_open" for token in PARSER.parse(text))


def job(**changes: object) -> Job:
    return replace(JOB, **changes)  # type: ignore[arg-type]


def test_rows_survive_the_store() -> None:
    assert words.rows_from_json(words.rows_to_json(ROWS)) == ROWS


def test_the_progress_of_the_story() -> None:
    assert words.progress("v115.0.1", "building", START, "hubot", ROWS) == (
        "### v115.0.1: building (started 12:30 UTC by the merge of @hubot)\n"
        "| step | state | when | detail |\n|---|---|---|---|\n"
        "| prove the merge | ✅ | 12:30:00 | merge `3e3e3e3`, 8 of 8 proofs |\n"
        "| start build | ⏳ |  |  |\n"
        "| qemu | waiting |  | [log](https://example.org/) |"
    )


def test_a_merge_by_nobody_known_names_nobody() -> None:
    assert words.progress("v1.0.0", "published", START, "", []).startswith(
        "### v1.0.0: published (started 12:30 UTC)\n"
    )


@pytest.mark.parametrize(
    ("status", "conclusion", "state", "detail"),
    [
        ("queued", None, "waiting", ""),
        ("waiting", None, "waiting", f"[log]({PAGE}/job/1) after 41 min"),
        ("in_progress", None, "running", f"[log]({PAGE}/job/1) after 41 min"),
        ("completed", "success", "done", f"[log]({PAGE}/job/1) after 41 min"),
        ("completed", "skipped", "skipped", f"[log]({PAGE}/job/1) after 41 min"),
        ("completed", "failure", "failed", f"[log]({PAGE}/job/1) after 41 min"),
        ("completed", "cancelled", "failed", f"[log]({PAGE}/job/1) after 41 min"),
        ("completed", "timed_out", "failed", f"[log]({PAGE}/job/1) after 41 min"),
        ("completed", None, "failed", f"[log]({PAGE}/job/1) after 41 min"),
    ],
)
def test_each_job_is_a_row_as_far_as_it_is(status: str, conclusion: str | None, state: str, detail: str) -> None:
    assert words.job_rows([job(status=status, conclusion=conclusion)]) == [
        Row("`prod`", state, JOB.completed_at, detail)  # type: ignore[arg-type]
    ]


def test_a_job_that_has_not_ended_shows_when_it_began() -> None:
    (row,) = words.job_rows([job(status="in_progress", conclusion=None, completed_at=None)])
    assert (row.when, row.detail) == (START, f"[log]({PAGE}/job/1)")


def test_a_job_with_a_bar_in_its_name_keeps_its_row() -> None:
    text = words.progress("v1.0.0", "building", START, "hubot", words.job_rows([job(name="build (qemu | vmware)")]))
    assert (cells(text), "build (qemu \\| vmware)" in text) == (4, True)


def test_a_matrix_of_a_thousand_jobs_fits_what_github_takes() -> None:
    many = [job(name="x" * 200, conclusion=end, url=f"{PAGE}/{'y' * 300}") for end in ("success", "failure") * 500]
    for text in (
        words.progress("v1.0.0", "building", START, "hubot", [*ROWS, *words.job_rows(many)]),
        words.built("v1.0.0", RUN, many),
        words.build_failed("v1.0.0", RUN, many),
    ):
        assert len(text) < 60_000
        assert "more" in text


def test_a_good_build_ends_with_its_jobs() -> None:
    jobs = [JOB, job(name="vm", conclusion="skipped"), job(name="iso")]
    assert words.built("v115.0.1", RUN, jobs) == (
        f"**v115.0.1 is built**: [run 77]({PAGE}) succeeded after 1 h 5 min. Jobs: `prod`, `iso`."
    )
    assert words.built("v115.0.1", RUN, []).endswith("after 1 h 5 min.")


@pytest.mark.parametrize(
    ("conclusion", "what"), [("failure", "failed"), ("timed_out", "failed"), ("cancelled", "was cancelled")]
)
def test_a_bad_build_ends_with_the_jobs_that_failed(conclusion: str, what: str) -> None:
    jobs = [JOB, job(name="vm", conclusion=conclusion), job(name="iso", conclusion="skipped"), job(conclusion=None)]
    told = words.build_failed("v115.0.1", replace(RUN, conclusion=conclusion), jobs)
    assert told.split("\n")[:2] == [
        f"**The image build of v115.0.1 {what}**: [run 77]({PAGE}) after 1 h 5 min.",
        f"- `vm`: `{conclusion}` after 41 min, [log]({PAGE}/job/1)",
    ]
    assert told.count("\n- ") == 1
    assert "The release itself stands" in told


def test_a_release_without_a_build_says_why() -> None:
    assert "No image build is configured" in words.published_without_build("v1.0.0", "")
    assert "could not be started**: `HTTP 422`" in words.published_without_build("v1.0.0", "HTTP 422")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: float, told: str) -> None:
    assert words.duration(timedelta(seconds=seconds)) == told


@given(st.text(max_size=60) | st.sampled_from(["a|b", "`", "[x](http://e)", "<img src=x>", "@all", "\\|", "![](//e)"]))
def test_nothing_that_a_workflow_wrote_is_rendered(hostile: str) -> None:
    bad = job(name=hostile, conclusion="failure", url=hostile)
    run = replace(RUN, url=hostile, conclusion="failure")
    texts = [
        words.progress("v1.0.0", "building", START, hostile, words.job_rows([bad])),
        words.built("v1.0.0", run, [replace(bad, conclusion="success")]),
        words.build_failed("v1.0.0", run, [bad]),
        words.published_without_build("v1.0.0", hostile or "x"),
    ]
    assert cells(texts[0]) == 4
    for text in texts:
        assert not kinds(text) & HARMFUL
        assert parse(text) is None
