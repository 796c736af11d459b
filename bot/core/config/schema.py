"""What each key of the configuration file may hold. A table of readers for each section; the defaults are elsewhere.

Every name that will stand in a ref, a path, an address or a command is checked here, once, so that what comes out
of a Config can be used as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from bot.core.config.document import Field, load
from bot.core.config.model import (
    Build,
    Channel,
    Commands,
    Config,
    Line,
    ManifestFiles,
    Notes,
    People,
    Permissions,
    Role,
    Sdk,
    Tag,
)
from bot.core.manifest.refs import ref_problem

T = TypeVar("T")
Reader = Callable[[Field], Any]

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}/[A-Za-z0-9._-]{1,100}")
_WORKFLOW = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.ya?ml")
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}")
_BOT = re.compile(rf"{_LOGIN.pattern}\[bot\]")
_TEAM = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,98}[a-z0-9])?")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")
_PROJECT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+~-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.+~-]*)*")
_BUILD_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_TIMEOUT = re.compile(r"([1-9][0-9]{0,3})(m|h)")
LONGEST_BUILD = timedelta(days=3)
OURS = "release-bot/"
"""Branches under this prefix are the bot's proposals."""


def read(data: bytes | None) -> Config:
    """What the file says; None, for no file, and an empty file are all defaults. Raises BadConfig."""
    root = load(data) if data is not None else None
    if root is None:
        return Config()
    config = _fill(Config, _TOP)(root)
    _agree(config, root)
    return config


def _fill(kind: Callable[..., T], readers: Mapping[str, Reader]) -> Callable[[Field], T]:
    """A reader of a section: each key by its own reader, what is missing by the default of `kind`."""

    def read_section(section: Field) -> T:
        given = section.section(readers)
        return kind(**{key: readers[key](value) for key, value in given.items()})

    return read_section


def _choice(*values: str) -> Reader:
    return lambda field: field.choice(*values)


def _matching(pattern: re.Pattern[str], example: str, suggest: Callable[[str], str] = str) -> Reader:
    """A text that the pattern matches as a whole; `suggest` turns a usual slip into what was meant."""

    def read_text(field: Field) -> str:
        text = field.text()
        if not pattern.fullmatch(text):
            meant = suggest(text)
            near = meant if meant != text and pattern.fullmatch(meant) else None
            raise field.wrong(f"{field.says} must look like {example}.", near)
        return text

    return read_text


def _list_of(reader: Reader, least: int = 0, most: int = 1_000) -> Callable[[Field], tuple[str, ...]]:
    """A list without repetitions, upper and lower case taken for the same."""

    def read_list(field: Field) -> tuple[str, ...]:
        found: dict[str, str] = {}
        for item in field.items():
            value = reader(item)
            if value.lower() in found:
                raise item.wrong(f"{item.says} stands in this list already: remove one.")
            found[value.lower()] = value
        if len(found) < least:
            raise field.wrong(f"{field.says} must not be empty: remove the key, or fill the list.")
        if len(found) > most:
            raise field.wrong(f"{field.says} holds {len(found)} items: {most} at most are possible here.")
        return tuple(found.values())

    return read_list


def _template(placeholder: str, check: Callable[[str], str | None], example: str) -> Reader:
    """A name in which `placeholder` stands once; `check` says what is wrong with the name it makes, or None."""

    def read_template(field: Field) -> str:
        text = field.text()
        rest = text.replace(placeholder, "", 1)
        if placeholder not in text or "{" in rest or "}" in rest:
            raise field.wrong(f"{field.says} must hold `{placeholder}` once and no other braces, like {example}.")
        problem = check(text.replace(placeholder, "115"))
        if problem:
            raise field.wrong(f"{field.says} makes no usable name: {problem}.")
        return text

    return read_template


def _branch_problem(name: str) -> str | None:
    if name.startswith("refs/"):
        return "write the short name, without refs/heads/"
    if (name + "/").startswith(OURS):
        return f"branches under {OURS} are the bot's own"
    return ref_problem(name) or ("it has an equals sign" if "=" in name else None)


def _branch(field: Field) -> str:
    name = field.text()
    problem = _branch_problem(name)
    if problem:
        raise field.wrong(f"{field.says} must be the name of a branch: {problem}.", _short(name))
    return name


def _short(name: str) -> str | None:
    short = name.removeprefix("refs/heads/")
    return short if short != name and not _branch_problem(short) else None


def _file_problem(name: str) -> str | None:
    return None if _FILE.fullmatch(name) else "it must be a file at the top of the repository, in plain characters"


def _xml_problem(name: str) -> str | None:
    return _file_problem(name) or (None if name.endswith(".xml") else "it must end in .xml")


def _file(check: Callable[[str], str | None]) -> Reader:
    def read_file(field: Field) -> str:
        name = field.text()
        problem = check(name)
        if problem:
            raise field.wrong(f"{field.says} is no usable name: {problem}.")
        return name

    return read_file


def _subject_problem(text: str) -> str | None:
    plain = len(text) <= 100 and text == text.strip() and all(" " <= c <= "~" for c in text)
    return None if plain else "it must be one line of at most 100 plain characters"


def _repository(field: Field) -> str:
    name = field.text()
    tail = name.partition("/")[2]
    if not _REPOSITORY.fullmatch(name) or tail.strip(".") == "" or tail.lower().endswith(".git"):
        raise field.wrong(f"{field.says} must look like `coreos/scripts`: owner and name, no address.")
    return name


def _timeout(field: Field) -> timedelta:
    match = _TIMEOUT.fullmatch(field.text()) if field.is_text() else None
    length = timedelta(**{"minutes" if match[2] == "m" else "hours": int(match[1])}) if match else timedelta()
    if not timedelta() < length <= LONGEST_BUILD:
        raise field.wrong(f"{field.says} must be a time like `8h` or `90m`, at most three days.")
    return length


def _file_version(field: Field) -> int:
    number = field.number()
    if number != 1:
        raise field.wrong(f"{field.says} must be 1: another version of this file is for another version of the bot.")
    return number


def _channels(field: Field) -> dict[str, Channel]:
    found: dict[str, Channel] = {}
    for key, value in field.entries():
        name = _branch(key)
        # On some disks such names are one file, and people take them for one channel.
        twin = next((other for other in found if other.lower() == name.lower()), None)
        if twin is not None:
            raise key.wrong(f"{field.shown} has {name} and {twin}, which differ in upper and lower case only.")
        found[name] = _CHANNEL(value)
    return found


def _releases(field: Field) -> str | tuple[str, ...]:
    return field.choice("all", "new") if field.is_scalar() else _list_of(_branch, least=1)(field)


def _lines(field: Field) -> dict[int, Line]:
    found = {}
    for key, value in field.entries():
        if not _BUILD_NUMBER.fullmatch(key.name):
            raise key.wrong(f"A key of {field.shown} must be a build number like 1745, without leading zeros.")
        found[int(key.name)] = _LINE(value)
    return found


def _build(field: Field) -> Build:
    """The section, or the one word `none`."""
    if not field.is_scalar():
        return _BUILD(field)
    if not field.is_text() or field.text() != "none":
        raise field.wrong(f"{field.says} must be a map, or the word `none` for no image builds.")
    return Build(trigger="none")


_branch_template = _template("{build}", _branch_problem, "`build-{build}`")
_word = _matching(_WORD, "`alpha`: letters, digits and . _ -")
_formats = _list_of(_word, least=1)
_users = _list_of(_matching(_LOGIN, "`octocat`: the login alone", lambda text: text.lstrip("@")))
_teams = _list_of(
    _matching(_TEAM, "`release-team`: the team's short name", lambda text: text.rpartition("/")[2].lower())
)

_MANIFEST = _fill(
    ManifestFiles,
    {
        "main_branch": _branch,
        "main_file": _file(_xml_problem),
        "version_file": _file(_file_problem),
        "layout": _choice("auto", "link", "tracking"),
        "line_branch": _branch_template,
        "line_file": _template("{build}", _xml_problem, "`build-{build}.xml`"),
        "tag": _template("{version}", _branch_problem, "`v{version}`"),
        "old_manifests": _choice("keep-previous", "remove-oldest"),
        "default_link": _choice("switch", "keep"),
        "branch_projects": _list_of(_matching(_PROJECT, "`coreos/etcd`: a project's name"), most=50),
        "epoch": Field.date,
    },
)
_SDK = _fill(Sdk, {"default": _choice("auto", "previous", "keep"), "allow_build_id": Field.flag})
_CHANNEL = _fill(Channel, {"mode": _choice("newer", "always", "ff", "never"), "releases": _releases})
_TAG = _fill(Tag, {"subject": _template("{tag}", _subject_problem, "`CoreOS {tag}`")})
_BUILD = _fill(
    Build,
    {
        "trigger": _choice("dispatch", "push", "none"),
        "repository": _repository,
        "workflow": _matching(_WORKFLOW, "`image-build.yml`: a file of .github/workflows"),
        "test_workflow": _matching(_WORKFLOW, "`image-test.yml`: a file of .github/workflows"),
        "ref": _branch,
        "image": _word,
        "group": _word,
        "formats": _formats,
        "timeout": _timeout,
    },
)
_LINE = _fill(Line, {"group": _word, "formats": _formats})


def _people(*roles: Role) -> Callable[[Field], People]:
    """People with at least one of these roles, the first where none is named."""
    return _fill(partial(People, role=roles[0]), {"role": _choice(*roles), "teams": _teams, "users": _users})


_PERMISSIONS = _fill(
    Permissions,
    {
        "releaser": _people("write", "maintain", "admin"),
        "admin": _people("maintain", "admin"),
        "merger_must_be": _choice("releaser", "admin", "anyone"),
        "second_person": Field.flag,
    },
)
_COMMANDS = _fill(
    Commands,
    {
        "allow_bots": _list_of(_matching(_BOT, "`renovate[bot]`", lambda text: text.lstrip("@") + "[bot]")),
        "plan_for": _choice("releasers", "everyone"),
    },
)
_NOTES = _fill(Notes, {"github_release": _choice("none", "draft", "publish")})
_TOP: Mapping[str, Reader] = {
    "version": _file_version,
    "manifest": _MANIFEST,
    "sdk": _SDK,
    "channels": _channels,
    "tag": _TAG,
    "build": _build,
    "lines": _lines,
    "permissions": _PERMISSIONS,
    "commands": _COMMANDS,
    "notes": _NOTES,
}


def _agree(config: Config, root: Field) -> None:
    """What no key can know alone: names that mean two things, and lines that are none."""
    given = root.section(_TOP)
    files = given.get("manifest", root)
    manifest = config.manifest
    if config.build_number_of(manifest.main_branch) is not None:
        raise files.wrong("`main_branch` has the name of a release branch: rename it, or change `line_branch`.")
    if len({manifest.main_file, manifest.version_file, "default.xml", "release.xml"}) < 4:
        raise files.wrong("`main_file` and `version_file` must be files of their own, not default.xml or release.xml.")
    if "channels" in given:
        for key, channel in given["channels"].entries():
            _check_channel(config, key, channel)


def _check_channel(config: Config, key: Field, channel: Field) -> None:
    if config.is_release_base(key.name):
        raise key.wrong(f"The channel {key.shown} has the name of a branch that releases are made on.")
    releases = channel.section(("mode", "releases")).get("releases")
    for item in releases.items() if releases and not releases.is_scalar() else ():
        if config.build_number_of(item.text()) is None:
            raise item.wrong(f"{item.says} is no release line; one looks like `{config.line_branch(115)}`.")
