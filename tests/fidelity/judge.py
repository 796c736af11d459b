"""Holds what went over the wire against GitHub's description, and says in words what does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sandbox.webhooks import Delivery
from tests.fidelity.exceptions import ANYWHERE, EXCEPTIONS
from tests.fidelity.schemas import Description, Json, Operation
from tests.fidelity.wire import Exchange

JSON = "application/json"
REFUSAL = {JSON: {"schema": {"$ref": "#/components/schemas/basic-error"}}}
"""What every refusal is, where the operation says nothing of it or nothing but its status."""
LIMITS = ("Limit", "Used", "Remaining", "Reset", "Resource")
LINK = re.compile(r'<(http[^<>\s]+)>; rel="(next|prev|first|last)"')
SIGNED = re.compile(r"sha256=[0-9a-f]{64}")


class Judge:
    """Judges one message at a time. `used` are the exceptions that were needed."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self.used: set[str] = set()

    def exchange(self, seen: Exchange, was_meant: bool = False) -> list[str]:
        """What is wrong with a call and its answer; of a refused request the answer only, unless it `was_meant`."""
        operation = self._description.operation(seen.route)
        if operation is None:
            return [f"{seen.route}: GitHub has no such operation"]
        found = list(self._answer(operation, seen))
        if seen.status < 400 or was_meant:
            found += self._request(operation, seen)
        return self._left(f"{operation.name} {seen.status}", found)

    def delivery(self, sent: Delivery) -> list[str]:
        """What is wrong with a webhook: its payload, its headers."""
        name = f"{sent.event}.{sent.action}".rstrip(".")
        described = self._description.webhook(sent.event, sent.action)
        if described is None:
            return self._left(name, ["GitHub sends no such event"])
        schema = described["requestBody"]["content"][JSON]["schema"]
        found = [f"payload {error}" for error in self._description.errors(schema, sent.payload)]
        return self._left(name, [*found, *self._webhook_headers(described, sent)])

    def _left(self, name: str, found: list[str]) -> list[str]:
        """What no exception explains."""
        left = []
        for each in (f"{name}: {fault}" for fault in found):
            reason = next((key for key in EXCEPTIONS if re.search(key, each)), None)
            if reason is None:
                left.append(each)
            else:
                self.used.add(reason)
        return left

    # What was asked

    def _request(self, operation: Operation, seen: Exchange) -> Iterator[str]:
        described = self._description.parameters(operation, "query")
        for name, value in seen.query:
            if name not in described:
                yield f"asked with ?{name}=, which GitHub does not know"
                continue
            yield from self._value(f"asked with ?{name}={value}:", described[name]["schema"], value)
        for name in (name for name, each in described.items() if each.get("required") and name not in dict(seen.query)):
            yield f"asked without ?{name}="
        yield from self._body(operation, seen)

    def _value(self, words: str, schema: Json, text: str) -> Iterator[str]:
        schema = self._description.resolve(schema)
        for error in self._description.errors(schema, _read(schema, text)):
            yield f"{words} {error}"

    def _body(self, operation: Operation, seen: Exchange) -> Iterator[str]:
        described = operation.text.get("requestBody")
        if described is None:
            if seen.body not in (None, {}):
                yield f"asked with a body where GitHub takes none: {str(seen.body)[:80]}"
            return
        if seen.body is None:
            if described.get("required"):
                yield "asked without a body"
            return
        schema = self._description.resolve(described)["content"][JSON]["schema"]
        for error in self._description.errors(schema, seen.body):
            yield f"asked with {error}"

    # What was answered

    def _answer(self, operation: Operation, seen: Exchange) -> Iterator[str]:
        described = self._description.answer(operation, seen.status)
        if described is None and seen.status not in ANYWHERE:
            yield f"answered {seen.status}, which GitHub does not document here"
            return
        described = described or {}
        content = described.get("content") or (REFUSAL if described == {} or seen.status >= 400 else {})
        yield from self._headers(operation, described, seen)
        if not content:
            if seen.answer not in (None, {}):
                yield "answered with a body where GitHub sends none"
            return
        if JSON not in seen.headers.get("Content-Type", ""):
            yield f"answered as {seen.headers.get('Content-Type')}"
            return
        for error in self._description.errors(content[JSON]["schema"], seen.answer):
            yield f"answered {error}"

    def _headers(self, operation: Operation, described: Json, seen: Exchange) -> Iterator[str]:
        """Page links where they are described or pages can be asked for, the rate limit everywhere."""
        link = seen.headers.get("Link")
        if link is not None:
            has_pages = "per_page" in self._description.parameters(operation, "query")
            if not has_pages and "Link" not in described.get("headers", {}):
                yield "answered with Link, which GitHub does not document here"
            if not all(LINK.fullmatch(each) for each in link.split(", ")):
                yield f"answered with Link {link}"
        for name in LIMITS:
            if f"X-RateLimit-{name}" not in seen.headers:
                yield f"answered without X-RateLimit-{name}"
        if seen.status in (301, 302, 307) and not seen.headers.get("Location"):
            yield "answered without Location"

    def _webhook_headers(self, described: Json, sent: Delivery) -> Iterator[str]:
        got = {name.lower(): value for name, value in sent.headers.items()}
        for each in described["parameters"]:
            if each.get("required") and not isinstance(got.get(each["name"].lower()), str):
                yield f"sent without {each['name']}"
        if not SIGNED.fullmatch(got.get("x-hub-signature-256", "")):
            yield "sent unsigned"


def _read(schema: Json, text: str) -> Any:
    """The text of an address as the type that is described."""
    kind = schema.get("type")
    if kind == "integer":
        return int(text) if text.lstrip("-").isdigit() else text
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind == "array":
        return text.split(",")
    return text
