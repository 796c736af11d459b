"""GitHub's own description of its REST API and webhooks, as validators: fetched once, never copied into the project.

It comes from the npm registry by name and version, and is checked against the hash that stands here. What is
described in OpenAPI's dialect becomes JSON Schema, and stricter: a field that GitHub does not know is an error.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.fidelity.exceptions import LEFT_OUT

Json = dict[str, Any]
CACHE = Path(__file__).parents[2] / ".cache"
COMPONENTS = "#/components/"


@dataclass(frozen=True)
class Package:
    """One published package, and the file in it that counts."""

    name: str
    version: str
    integrity: str
    member: str

    @property
    def kept(self) -> Path:
        """Where its file is once it was fetched."""
        return CACHE / f"{self.name.strip('@').replace('/', '-')}-{self.version}.json"


OPENAPI = Package(
    "@octokit/openapi",
    "23.0.2",
    "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
    "package/generated/api.github.com.json",
)


class NotFetched(Exception):
    """The description is not here and cannot be fetched; the text says why."""


def fetch(package: Package = OPENAPI) -> None:
    """Bring the package's file into the cache, unless it is there."""
    if package.kept.exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise NotFetched("There is no npm on this machine, and GitHub's description is not in .cache.")
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        what = f"{package.name}@{package.version}"
        done = subprocess.run([npm, "pack", what], cwd=folder, capture_output=True, text=True, check=False)
        packed = next(Path(folder).glob("*.tgz"), None)
        if done.returncode or packed is None:
            raise NotFetched(f"npm could not fetch {what}: {done.stderr.strip()[-300:]}")
        text = _unpack(package, packed.read_bytes())
        fresh = Path(folder) / "fresh.json"
        fresh.write_bytes(text)
        fresh.rename(package.kept)


def _unpack(package: Package, packed: bytes) -> bytes:
    found = base64.b64encode(hashlib.sha512(packed).digest()).decode()
    if found != package.integrity:
        raise NotFetched(f"{package.name} {package.version} is not what it was: its hash is {found}.")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        member = archive.extractfile(package.member)
        if member is None:
            raise NotFetched(f"{package.name} {package.version} has no {package.member}.")
        return member.read()


@dataclass(frozen=True)
class Operation:
    """One method on one path, as GitHub describes it."""

    method: str
    path: str
    text: Json

    @property
    def name(self) -> str:
        """What GitHub calls it: `issues/create-comment`."""
        return str(self.text["operationId"])

    @property
    def form(self) -> tuple[str, ...]:
        """The path's segments, with what varies left open."""
        return form(self.path)


def form(path: str) -> tuple[str, ...]:
    """The segments of a path of GitHub's or of ours; `{}` where a value stands."""
    spelled = path.replace("/{repo}", "/{owner}/{repo}") if "/{owner}" not in path else path
    return tuple("{}" if part[:1] in ("{", "<") else part for part in spelled.strip("/").split("/"))


class Description:
    """Everything that GitHub says, and validators for the parts of it that are asked for."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    @classmethod
    @cache
    def load(cls) -> Description:
        """Read it from the cache."""
        if not OPENAPI.kept.exists():
            raise NotFetched("GitHub's description is not in .cache: `python -m tests.fidelity` fetches it.")
        return cls(json.loads(OPENAPI.kept.read_bytes()))

    @cached_property
    def operations(self) -> Mapping[tuple[str, tuple[str, ...]], Operation]:
        """Every operation by method and form of its path."""
        every = (
            Operation(method.upper(), path, text)
            for path, methods in self._document["paths"].items()
            for method, text in methods.items()
        )
        return {(each.method, each.form): each for each in every}

    def operation(self, route: str) -> Operation | None:
        """The operation of a route's name, such as `GET /repos/{repo}/pulls`."""
        method, _, path = route.partition(" ")
        return self.operations.get((method, form(path)))

    def parameters(self, operation: Operation, place: str) -> dict[str, Json]:
        """The parameters in `path`, `query` or `header`, by name."""
        found = (self.resolve(each) for each in operation.text.get("parameters", ()))
        return {each["name"]: each for each in found if each["in"] == place}

    def answer(self, operation: Operation, status: int) -> Json | None:
        """What the operation documents for this status; None where it documents nothing."""
        found = operation.text["responses"].get(str(status))
        return None if found is None else self.resolve(found)

    def webhook(self, event: str, action: str) -> Json | None:
        """What GitHub says of an event with this action."""
        name = "-".join(part.replace("_", "-") for part in (event, action) if part)
        found = self._document["x-webhooks"].get(name)
        return None if found is None else dict(found["post"])

    def resolve(self, node: Json) -> Json:
        """A part, or what it refers to."""
        while "$ref" in node:
            kind, _, name = node["$ref"].removeprefix(COMPONENTS).partition("/")
            node = self._document["components"][kind][name]
        return node

    def errors(self, schema: Json, value: object) -> list[str]:
        """What is wrong with a value; nothing where it fits."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.Draft202012Validator(self._closed(schema), validate_formats=True)
        found = self._validators[key].iter_errors(value)
        return sorted({_said(plain) for error in found for plain in _plain(error)})

    def _closed(self, schema: Json) -> Json:
        """The schema in one piece, with all that it refers to."""
        made, parts = converted(schema), {}
        waiting = list(_refers(made))
        while waiting:
            name = waiting.pop()
            if name not in parts:
                mood, _, plain = name.partition(":")
                parts[name] = converted(self._document["components"]["schemas"][plain], mood == "strict")
                waiting.extend(_refers(parts[name]))
        return {**made, "$defs": parts}


def _refers(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix("#/$defs/")
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _refers(each)


def _plain(error: jsonschema_rs.ValidationError) -> list[jsonschema_rs.ValidationError]:
    """Of a value that fits none of several forms, what keeps it from the form that is nearest."""
    if not isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AnyOf):
        return [error]
    forms = [[plain for each in form for plain in _plain(each)] for form in error.kind.context]
    return min(forms, key=lambda form: (any(_is_of_another_type(each, error) for each in form), len(form)))


def _is_of_another_type(error: jsonschema_rs.ValidationError, outer: jsonschema_rs.ValidationError) -> bool:
    is_type = isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Type)
    return is_type and len(error.instance_path) <= len(outer.instance_path)


def _said(error: jsonschema_rs.ValidationError) -> str:
    where = "/".join("*" if isinstance(part, int) else str(part) for part in error.instance_path)
    return f"{where or 'the whole'}: {error.message[-240:]}"


def converted(node: Json, strict: bool = True) -> Json:
    """OpenAPI's dialect as JSON Schema. `strict` forbids fields that are not described."""
    if "$ref" in node:
        name = node["$ref"].removeprefix(COMPONENTS + "schemas/")
        return {"$ref": f"#/$defs/{'strict' if strict else 'loose'}:{name}"}
    parts = node.get("allOf", ())
    inner = strict and len(parts) < 2  # each part of several describes some of the fields only
    made = {key: node[key] for key in KEPT if key in node}
    if "enum" in node:
        made["enum"] = _completed(node["enum"])
    for key, written in (("allOf", "allOf"), ("anyOf", "anyOf"), ("oneOf", "anyOf")):
        if key in node:  # GitHub writes oneOf for forms that overlap
            made[written] = [converted(each, inner) for each in node[key]]
    if "items" in node:
        made["items"] = converted(node["items"], inner)
    if "properties" in node:
        made["properties"] = {name: converted(each, inner) for name, each in node["properties"].items()}
    _close(node, made, strict)
    if node.get("nullable"):
        made = {"anyOf": [made, {"type": "null"}]}
    return made


def _completed(words: list[Any]) -> list[Any]:
    missing = (word for held, (word, _) in LEFT_OUT.items() if set(held) <= set(words))
    return [*words, *missing]


def _close(node: Json, made: Json, strict: bool) -> None:
    rest = node.get("additionalProperties")
    if isinstance(rest, dict):
        made["additionalProperties"] = converted(rest, strict)
    elif rest is not None:
        made["additionalProperties"] = rest
    elif strict and len(node.get("allOf", ())) > 1:
        made["unevaluatedProperties"] = False
    elif strict and node.get("properties") and not any(key in node for key in ("anyOf", "oneOf", "allOf")):
        made["additionalProperties"] = False


KEPT = (
    "type",
    "enum",
    "format",
    "required",
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
)
"""What means the same in both dialects."""
