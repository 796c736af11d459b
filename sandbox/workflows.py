"""Workflow files as the sandbox reads them: which there are, what a dispatch may say, how a run is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from sandbox.auth import Refused
from sandbox.bare import GitError
from sandbox.shapes import FOLDER, workflow_id
from sandbox.state import Repository

MOST_INPUTS = 25


@dataclass(frozen=True)
class Workflow:
    """One file under .github/workflows at one commit."""

    file: str
    commit: str
    text: Mapping[Any, Any]

    @property
    def title(self) -> str:
        """What it calls itself."""
        return str(self.text.get("name") or FOLDER + self.file)

    @property
    def _triggers(self) -> Any:
        """What stands under `on`, which YAML 1.1 reads as the truth value."""
        return self.text.get("on", self.text.get(True)) or {}

    def inputs(self, given: Mapping[str, Any]) -> dict[str, str]:
        """The inputs of a dispatch with their defaults. 422 for what the file does not allow."""
        if "workflow_dispatch" not in self._triggers:
            raise Refused(422, "Workflow does not have 'workflow_dispatch' trigger")
        trigger = self._triggers["workflow_dispatch"] if isinstance(self._triggers, dict) else None
        declared: dict[str, Any] = (trigger or {}).get("inputs") or {}
        unknown = sorted(set(given) - set(declared))
        if unknown or len(given) > MOST_INPUTS:
            raise Refused(422, f"Unexpected inputs provided: {unknown}")
        return {name: _value(name, declared[name] or {}, given.get(name)) for name in declared}

    def name(self, inputs: Mapping[str, str]) -> str:
        """What `run-name` makes of the inputs."""
        pattern = str(self.text.get("run-name") or self.title)
        return re.sub(r"\$\{\{\s*(?:github\.event\.)?inputs\.([\w-]+)\s*\}\}", lambda m: inputs.get(m[1], ""), pattern)


def _value(name: str, declared: Mapping[str, Any], given: Any) -> str:
    if given in (None, "") and declared.get("required") and "default" not in declared:
        raise Refused(422, f"Required input '{name}' not provided")
    value = declared.get("default", "") if given is None else given
    text = str(value).lower() if isinstance(value, bool) else str(value)
    options = [str(each) for each in declared.get("options") or ()]
    if declared.get("type") == "choice" and text not in options:
        raise Refused(422, f"Provided value '{text}' for input '{name}' not in the list of allowed values")
    if declared.get("type") == "boolean" and text not in ("true", "false"):
        raise Refused(422, f"Provided value '{text}' for input '{name}' is not a boolean")
    return text


def read(repository: Repository, wanted: str, ref: str) -> Workflow:
    """The workflow of this file name or number, as it is at a branch or tag. 404 where there is none."""
    commit = repository.git.resolve(ref)
    if commit is None:
        raise Refused(422, f"No ref found for: {ref}")
    file = next((each for each in files(repository, commit) if wanted in (each, str(workflow_id(each)))), None)
    if file is None:
        raise Refused(404, "Not Found")
    return _load(repository, commit, file)


def read_all(repository: Repository) -> list[Workflow]:
    """Every workflow of the default branch."""
    commit = repository.git.resolve(repository.default_branch)
    return [_load(repository, commit, each) for each in files(repository, commit)] if commit else []


def files(repository: Repository, commit: str) -> list[str]:
    """The names of the workflow files of a commit."""
    found = repository.git.run("ls-tree", "--name-only", commit, "--", FOLDER).splitlines()
    return [path.removeprefix(FOLDER) for path in found if path.endswith((".yml", ".yaml"))]


def _load(repository: Repository, commit: str, file: str) -> Workflow:
    try:
        text = yaml.safe_load(repository.git.run("cat-file", "blob", f"{commit}:{FOLDER}{file}"))
    except (GitError, yaml.YAMLError):
        raise Refused(422, f"{FOLDER}{file} is no workflow") from None
    return Workflow(file, commit, text if isinstance(text, dict) else {})
