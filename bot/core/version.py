"""Which version comes next, and the file that says which one is now: version.txt, in every shape history has seen.

A version is build.branch.patch. The build number counts the days since 2013-07-01 UTC; the branch number goes up
for every normal release of a build, the patch number for emergencies only. version.txt is read by shell scripts,
so nothing is accepted in it that a shell could run, and when it is rewritten only the values change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum

from bot.core.shown import shown
from bot.core.tree import EXECUTABLE, FILE, LINK, Tree

EPOCH = date(2013, 7, 1)
"""Build number 0."""

_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_VERSION = re.compile(rf"v?({_NUMBER})\.({_NUMBER})\.({_NUMBER})")


@dataclass(frozen=True, order=True)
class Version:
    """build.branch.patch, ordered as numbers."""

    build: int
    branch: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read "115.0.1" or "v115.0.1"; ValueError with a sentence for anything else."""
        match = _VERSION.fullmatch(text)
        if not match:
            raise ValueError(
                f"{shown(text)} is not a version: write three numbers of at most nine digits, without leading zeros, "
                "like 115.0.1."
            )
        return cls(*(int(number) for number in match.groups()))

    def __str__(self) -> str:
        return f"{self.build}.{self.branch}.{self.patch}"

    def next_branch(self) -> Version:
        """The next normal release of this build number: the patch number starts again at 0."""
        return Version(self.build, self.branch + 1, 0)

    def next_patch(self) -> Version:
        """The next emergency release on top of this one."""
        return Version(self.build, self.branch, self.patch + 1)


def build_number(moment: datetime, epoch: date = EPOCH) -> int:
    """Whole days in UTC from `epoch` to `moment`, whatever the zone that `moment` is written in."""
    if moment.tzinfo is None:
        raise ValueError("A build number needs a moment with a time zone: local time must not decide it.")
    days = (moment.astimezone(UTC).date() - epoch).days
    if days < 0:
        raise ValueError(
            f"{moment.isoformat()} is before {epoch.isoformat()}, where build numbers start: set the clock."
        )
    return days


class BadVersionFile(Exception):
    """version.txt cannot be used; the one sentence says what to do about it."""


class Dialect(Enum):
    """The sets of variables that releases have used, by name without prefix, in the order they were written."""

    NUMBERS = ("BUILD", "BRANCH", "PATCH")
    NUMBERS_SDK = ("BUILD", "BRANCH", "PATCH", "SDK_VERSION")
    NUMBERS_NAMES_SDK = ("BUILD", "BRANCH", "PATCH", "VERSION", "VERSION_ID", "BUILD_ID", "SDK_VERSION")
    NAMES_SDK = ("VERSION", "VERSION_ID", "BUILD_ID", "SDK_VERSION")


PREFIXES = ("COREOS_", "FLATCAR_")
MAX_SIZE = 4096
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(\"?)([^\"]*)\2")
_SDK = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){2}(?:\+[0-9A-Za-z][0-9A-Za-z.-]{0,39})?")
_BUILD_ID = re.compile(r"[0-9A-Za-z.+_-]{0,60}")
_DIGITS = re.compile(_NUMBER)
_EMPTY = '""'
"""The one value that may be empty is always quoted: portage's parser choked on an empty one without quotes."""
_NAMED = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{2}}")


@dataclass(frozen=True)
class VersionFile:
    """version.txt as read. `values` has the variables without prefix and quotes; `data` is the file itself."""

    data: bytes
    prefix: str
    dialect: Dialect
    values: Mapping[str, str]
    version: Version
    sdk: str | None

    @property
    def build_id(self) -> str:
        """The build id; empty in every release."""
        return self.values.get("BUILD_ID", "")

    @classmethod
    def parse(cls, data: bytes) -> VersionFile:
        """Read the bytes of a version.txt; BadVersionFile with one sentence where they cannot be used."""
        assignments = _assignments(_text(data))
        prefix = _prefix(assignments)
        values = {key.removeprefix(prefix): value for key, value in assignments.items()}
        _check_values(prefix, values)
        version = _version(prefix, values)
        return cls(data, prefix, _dialect(prefix, values), values, version, values.get("SDK_VERSION"))

    @classmethod
    def read(cls, tree: Tree, path: str) -> VersionFile:
        """Read it from a commit's tree, where it must be a regular file."""
        entry = tree.get(path)
        if entry is None:
            raise BadVersionFile(f"There is no {shown(path)}: add one that says the version now.")
        if entry.mode not in (FILE, EXECUTABLE):
            what = "a link" if entry.mode == LINK else "no file"
            raise BadVersionFile(f"{shown(path)} is {what}: make it a regular file.")
        return cls.parse(entry.data)

    def updated(self, version: Version, sdk: str | None, dialect: Dialect | None = None) -> bytes:
        """The file with another version and SDK; everything that is not a value stays as it is.

        Another `dialect` than the file's, for a repository that changes its layout, writes the file anew.

        `sdk` None keeps what the file says; an SDK for a file without that line adds the line at the end.
        A release has no build id, so that value becomes `""`. The last line gets its line end.
        """
        if sdk is not None:
            _check_sdk(self.prefix, sdk)
        new = {
            "BUILD": str(version.build),
            "BRANCH": str(version.branch),
            "PATCH": str(version.patch),
            "VERSION": str(version),
            "VERSION_ID": str(version),
            "BUILD_ID": "",
        }
        if sdk is not None:
            new["SDK_VERSION"] = sdk
        if dialect not in (None, self.dialect):
            return self._rewritten(version, sdk, dialect, new)
        lines = [self._line(line, new) for line in self.data.decode().removesuffix("\n").split("\n")]
        if sdk is not None and "SDK_VERSION" not in self.values:
            lines.append(f"{self.prefix}SDK_VERSION={sdk}")
        written = "\n".join([*lines, ""]).encode()
        _read_back(written, version, sdk if sdk is not None else self.sdk)
        return written

    def _rewritten(self, version: Version, sdk: str | None, dialect: Dialect, new: Mapping[str, str]) -> bytes:
        values = {**self.values, **new}
        lacking = [name for name in dialect.value if name not in values]
        if lacking:
            raise BadVersionFile(_lacks([self.prefix + name for name in lacking]))
        rows = [f"{self.prefix}{name}={values[name] or _EMPTY}\n" for name in dialect.value]
        written = "".join(rows).encode()
        _read_back(written, version, sdk if sdk is not None else self.sdk)
        return written

    def _line(self, line: str, new: Mapping[str, str]) -> str:
        match = _LINE.fullmatch(line)
        name = match[1].removeprefix(self.prefix) if match else ""
        if not match or name not in new:
            return line
        quote = match[2] or ('"' if not new[name] else "")
        return f"{match[1]}={quote}{new[name]}{quote}"


def _read_back(written: bytes, version: Version, sdk: str | None) -> None:
    again = VersionFile.parse(written)
    if (again.version, again.sdk) != (version, sdk):
        raise BadVersionFile(f"Writing {version} into this version file does not read back as {version}.")


def _text(data: bytes) -> str:
    """The file as text: small, UTF-8, without bytes that a shell or a terminal would take for something else."""
    if len(data) > MAX_SIZE:
        raise BadVersionFile(f"The version file is larger than {MAX_SIZE} bytes: keep only its variables in it.")
    if not data.strip():
        raise BadVersionFile("The version file is empty: write the version now into it.")
    if b"\0" in data:
        raise BadVersionFile("The version file holds a NUL byte: save it as plain text.")
    if b"\r" in data:
        raise BadVersionFile("The version file has carriage returns: save it with LF line ends, a shell reads it.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadVersionFile("The version file is not UTF-8: save it as plain text.") from None
    if text.startswith("\ufeff"):
        raise BadVersionFile("The version file starts with a byte order mark: save it without one.")
    return text


def _assignments(text: str) -> dict[str, str]:
    """Every KEY=value line, in order; blank lines and whole-line comments are allowed, nothing else is."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        if line.startswith("#") and not line.replace("\t", " ").isprintable():
            raise BadVersionFile(
                f"Line {number} of the version file has characters that cannot be seen: {shown(line)}."
            )
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if not match:
            raise BadVersionFile(f"Line {number} of the version file is not KEY=value: {shown(line)}.")
        if match[1] in found:
            raise BadVersionFile(f"The version file sets {shown(match[1])} twice: remove one of the lines.")
        found[match[1]] = match[3]
    if not found:
        raise BadVersionFile("The version file sets nothing: write the version now into it.")
    return found


def _prefix(assignments: Mapping[str, str]) -> str:
    """The one prefix that all variables share; each of them must be one we know."""
    known = {name for dialect in Dialect for name in dialect.value}
    prefixes: list[str] = []
    for key in assignments:
        prefix = next((prefix for prefix in PREFIXES if key.startswith(prefix)), None)
        if prefix is None or key.removeprefix(prefix) not in known:
            raise BadVersionFile(f"The version file sets {shown(key)}, which is no variable of a release: remove it.")
        prefixes.append(prefix)
    if len(set(prefixes)) > 1:
        raise BadVersionFile(f"The version file mixes {' and '.join(PREFIXES)} names: use one prefix for all.")
    return prefixes[0]


def _check_values(prefix: str, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        key = prefix + name
        if name in Dialect.NUMBERS.value and not _DIGITS.fullmatch(value):
            raise BadVersionFile(
                f"{key} is {shown(value)}: it must be a number of at most nine digits without leading zeros."
            )
        if name in ("VERSION", "VERSION_ID") and not _NAMED.fullmatch(value):
            raise BadVersionFile(f"{key} is {shown(value)}: it must be three numbers like 115.0.1.")
        if name == "BUILD_ID" and not _BUILD_ID.fullmatch(value):
            raise BadVersionFile(f"{key} is {shown(value)}: only letters, digits and . + _ - may stand there.")
        if name == "SDK_VERSION":
            _check_sdk(prefix, value)


def _check_sdk(prefix: str, sdk: str) -> None:
    # It becomes part of a download address, so nothing but a version may stand there.
    if not _SDK.fullmatch(sdk):
        raise BadVersionFile(f"{prefix}SDK_VERSION is {shown(sdk)}: it must be a version like 110.0.0.")


def _version(prefix: str, values: Mapping[str, str]) -> Version:
    """The one version that every variable of the file agrees on."""
    said: dict[str, Version] = {}
    if all(name in values for name in Dialect.NUMBERS.value):
        numbers = [int(values[name]) for name in Dialect.NUMBERS.value]
        said[f"{prefix}BUILD, {prefix}BRANCH and {prefix}PATCH together"] = Version(*numbers)
    for name in ("VERSION", "VERSION_ID"):
        if name in values:
            said[prefix + name] = Version.parse(values[name])
    if not said:
        missing = [prefix + name for name in Dialect.NUMBERS.value if name not in values]
        raise BadVersionFile(_lacks(missing))
    (first, version), *others = said.items()
    for other, value in others:
        if value != version:
            raise BadVersionFile(f"{first} says {version}, but {other} says {value}: make the version file agree.")
    return version


def _dialect(prefix: str, values: Mapping[str, str]) -> Dialect:
    """The dialect with exactly these variables; else the sentence names what the nearest one lacks or has not."""
    for dialect in Dialect:
        if set(dialect.value) == set(values):
            return dialect
    nearest = min(Dialect, key=lambda dialect: len(set(dialect.value) ^ set(values)))
    missing = [prefix + name for name in nearest.value if name not in values]
    if missing:
        raise BadVersionFile(_lacks(missing))
    spare = [prefix + name for name in values if name not in nearest.value]
    raise BadVersionFile(f"The version file also sets {' and '.join(spare)}, which no layout has: remove it.")


def _lacks(missing: list[str]) -> str:
    return f"The version file lacks {' and '.join(missing)}: add {'it' if len(missing) == 1 else 'them'}."
