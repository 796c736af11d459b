"""Where GitHub's description does not say what GitHub does: each with the sentence that allows it."""

from __future__ import annotations

ANYWHERE = {
    400: "Every operation refuses a body that is no JSON object.",
    301: "A renamed repository redirects every GET, whichever operation it is.",
    307: "A renamed repository redirects every other method so.",
    401: "Every operation refuses credentials that are none.",
    403: "Every operation refuses what the token or the role does not allow.",
    404: "Every operation hides what the caller may not see.",
    422: "Every operation that takes a body refuses one that it cannot use.",
    429: "Every operation refuses who asks too often (Rate limits: 403 or 429).",
}
"""Statuses that any operation may answer, documented there or not; the answer then is GitHub's basic error."""

LEFT_OUT = {
    ("workflow_dispatch", "workflow_run"): (
        "workflow_job",
        "The events of an App, as webhooks show it, leave out one that every App may subscribe to.",
    ),
}
"""Lists of words that hold these and should hold one more."""

EXCEPTIONS: dict[str, str] = {
    r'^apps/list-installations 200: answered \*/account: "(name|slug|created_at|updated_at)" is a required property': (
        "The list wants an account that is a person and an enterprise at once; one installation has either."
    ),
    r'asked with \?created=.* is not a "date-time"': (
        "`created` takes GitHub's search syntax for times (its text says so), and is typed as one time."
    ),
    r"^workflow_run\.in_progress: payload workflow_run: .*\('display_title' was unexpected\)$": (
        "A run has its title in `requested` and `completed`; that it has none in between is an omission."
    ),
    r'labels/\*/description: null is not of type "string"': (
        "A label without a description has null there, as the schema of a label says; this list forgets it."
    ),
    r'"[^"]*\[bot\]@[^"]*" is not a "email"': (
        "GitHub's own addresses of bots hold brackets, which the format of addresses does not allow."
    ),
    r"^\S+ 4\d\d: answered the whole: .*\('(status|errors)' was unexpected\)$": (
        "GitHub writes its status, and errors where it has some, into every refusal; one schema knows each of them."
    ),
    r"^issues\.\w+: payload issue/performed_via_github_app: .*\('client_id' was unexpected\)$": (
        "An App shows its client_id in check runs and comments; that an issue leaves it out is an omission."
    ),
}
"""What a finding may match (a regular expression), and why it is right all the same."""
