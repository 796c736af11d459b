"""Step 4 of the hand-written procedure, second half: which SDK the release is built with.

It is the complete version of an existing build. A release off the main branch takes the version before it, so it is
usually one release behind; on a release branch of layout *link* the SDK stays, in layout *tracking* it is the version
before on that branch. It is never the new version itself, and no development build unless that is allowed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bot.core.plan.base import Base
from bot.core.plan.request import Request
from bot.core.refusal import Refusal, SdkBuildId, SdkEqual, SdkMissing, SdkUnreachable, UnknownSdk
from bot.core.snapshot import Snapshot
from bot.core.version import Version

_SDK = re.compile(r"([0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9})(\+.*)?")
How = Literal["kept", "previous", "asked"]


@dataclass(frozen=True)
class ChosenSdk:
    """The SDK version, by which rule, and the one that the branch had (None: none).

    `untagged`: the commit that alone knows it, where no release tag does.
    """

    version: str
    how: How
    before: str | None
    untagged: str | None = None


def wanted_sdk(base: Base, snapshot: Snapshot, request: Request) -> tuple[str | None, How]:
    """The SDK by the request or by the rule, and which; nothing is checked yet."""
    before, kept = str(base.versions.version), base.versions.sdk
    pins = snapshot.past.releases.get(request.pins_of) if request.pins_of else None
    if request.sdk not in (None, "keep", "previous"):
        return request.sdk, "asked"
    if request.sdk is None and pins is not None:
        return pins.sdk, "asked"
    if base.versions.sdk is None and request.sdk is None:
        return None, "kept"  # the oldest version files name no SDK; a person must say the first one
    rule = request.sdk or snapshot.config.sdk.default
    if rule == "auto":
        rule = "keep" if base.edits_in_place else "previous"
    return (kept, "kept") if rule == "keep" else (before, "previous")


def choose_sdk(base: Base, snapshot: Snapshot, request: Request, version: Version) -> ChosenSdk | Refusal:
    """The SDK of this release, or why it cannot be built with the one that was wanted."""
    sdk, how = wanted_sdk(base, snapshot, request)
    if sdk is None:
        where = str(request.pins_of) if request.pins_of and request.sdk is None else base.branch
        return SdkMissing(snapshot.config.manifest.version_file, where)
    plain, build_id = plain_version(sdk)
    if plain is None:
        return UnknownSdk(sdk, _newest(snapshot))
    if build_id and not snapshot.config.sdk.allow_build_id:
        return SdkBuildId(sdk, str(plain))
    if plain == version:
        return SdkEqual(str(version))
    if plain in snapshot.released:
        untagged = None
    elif plain == base.versions.version:
        untagged = snapshot.commit
    elif snapshot.past.sdk_said is not None:
        untagged = snapshot.past.sdk_said
    else:
        return UnknownSdk(sdk, _newest(snapshot))
    if snapshot.past.sdk_problem is not None:
        return SdkUnreachable(sdk, snapshot.past.sdk_problem)
    return ChosenSdk(sdk, how, base.versions.sdk, untagged)


def plain_version(sdk: str) -> tuple[Version | None, str]:
    """An SDK version as a version and the build id after it; None where it is no version at all."""
    match = _SDK.fullmatch(sdk)
    if not match:
        return None, ""
    try:
        return Version.parse(match[1]), match[2] or ""
    except ValueError:
        return None, ""


def _newest(snapshot: Snapshot) -> tuple[str, ...]:
    """A few releases that can be named instead, the newest first."""
    return tuple(str(version) for version in sorted(snapshot.released, reverse=True)[:3])
