"""What came of looking at a published release, in words: columns for a terminal, a list for a comment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.core.text.difference import columns, escaped
from bot.core.verify import Finding, ok


def as_text(findings: Sequence[Finding]) -> str:
    """For a terminal: one line a rule in their order, then what they come to."""
    rows = [
        ("WRONG" if finding.severity == "wrong" else finding.severity, finding.what, escaped(finding.sentence))
        for finding in findings
    ]
    return f"{columns(rows)}{_summary(findings)}\n"


def as_markdown(findings: Sequence[Finding]) -> str:
    """For a comment: what is wrong or unusual in the rules' order, and what is fine folded away.

    A finding's sentence has its foreign words in code spans already, so it stands here as it is.
    """
    seen = [finding for finding in findings if finding.severity != "fine"]
    parts = [f"**{_summary(findings)}**", _rows(seen)]
    fine = [finding for finding in findings if finding.severity == "fine"]
    if fine:
        parts.append(f"<details><summary>{len(fine)} fine</summary>\n\n{_rows(fine)}\n\n</details>")
    return "\n\n".join(part for part in parts if part)


def _rows(findings: Sequence[Finding]) -> str:
    marks = {"wrong": "**WRONG** ", "warning": "**warning** ", "fine": ""}
    return "\n".join(f"- {marks[finding.severity]}{finding.what}: {finding.sentence}" for finding in findings)


def _summary(findings: Sequence[Finding]) -> str:
    count = Counter(finding.severity for finding in findings)
    verdict = "The release is consistent" if ok(findings) else "The release is not consistent"
    warnings = f"{count['warning']} warning{'s' * (count['warning'] != 1)}"
    return f"{verdict}: {count['wrong']} wrong, {warnings}, {count['fine']} fine."
