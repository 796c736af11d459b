"""Why a request is refused, as data: one small class per reason, so that nobody matches on sentences.

`bot.core.text` turns each into the sentence a person reads; a reason without a sentence fails type checking.
"""

from __future__ import annotations

from bot.core.refusal.channels import (
    ChannelForbidden,
    ChannelMoved,
    ChannelThere,
    NoSuchChannel,
    NothingPending,
    NotReleased,
    SamePerson,
)
from bot.core.refusal.circumstances import (
    AlreadyOpen,
    BadConfiguration,
    BadTree,
    BeingProposed,
    BranchTaken,
    CouldNotCheck,
    Held,
    Late,
    NoSuchLine,
    NotAllowed,
    NotHeld,
    NotPublished,
    WrongPlace,
)
from bot.core.refusal.projects import (
    AmbiguousProject,
    AmbiguousRevision,
    Jump,
    NamedTwice,
    NothingToFollow,
    NotOnUpstream,
    Rewind,
    ThereAlready,
    UnclearUpstream,
    UnknownProject,
    UnknownRevision,
    Unreadable,
)
from bot.core.refusal.stopped import BeingTakenBack, CannotAbandon, CannotAdopt, NothingStopped
from bot.core.refusal.versions import (
    BadClock,
    BuildOutOfRange,
    LineHasMore,
    NoSuchManifest,
    NothingMoved,
    NotInRelease,
    NotPinned,
    SdkBuildId,
    SdkEqual,
    SdkMissing,
    SdkUnreachable,
    UnknownRelease,
    UnknownSdk,
    VersionTaken,
    VersionTooLow,
    WrongLine,
)

Refusal = (
    NoSuchLine
    | NothingMoved
    | ThereAlready
    | UnknownProject
    | AmbiguousProject
    | NamedTwice
    | UnknownRevision
    | AmbiguousRevision
    | UnclearUpstream
    | NotOnUpstream
    | Rewind
    | Jump
    | VersionTaken
    | VersionTooLow
    | WrongLine
    | LineHasMore
    | BadClock
    | BuildOutOfRange
    | SdkMissing
    | SdkEqual
    | SdkBuildId
    | UnknownSdk
    | SdkUnreachable
    | UnknownRelease
    | NotInRelease
    | NotPinned
    | NothingToFollow
    | NoSuchManifest
    | AlreadyOpen
    | BeingProposed
    | BranchTaken
    | NotPublished
    | NotAllowed
    | CouldNotCheck
    | WrongPlace
    | Unreadable
    | Held
    | NotHeld
    | BadTree
    | BadConfiguration
    | Late
    | NothingStopped
    | CannotAdopt
    | CannotAbandon
    | BeingTakenBack
    | ChannelForbidden
    | ChannelMoved
    | ChannelThere
    | NoSuchChannel
    | NotReleased
    | NothingPending
    | SamePerson
)

__all__ = [
    "AlreadyOpen",
    "AmbiguousProject",
    "AmbiguousRevision",
    "BadClock",
    "BadConfiguration",
    "BadTree",
    "BeingProposed",
    "BeingTakenBack",
    "BranchTaken",
    "BuildOutOfRange",
    "CannotAbandon",
    "CannotAdopt",
    "ChannelForbidden",
    "ChannelMoved",
    "ChannelThere",
    "CouldNotCheck",
    "Held",
    "Jump",
    "Late",
    "LineHasMore",
    "NamedTwice",
    "NoSuchChannel",
    "NoSuchLine",
    "NoSuchManifest",
    "NotAllowed",
    "NotHeld",
    "NotInRelease",
    "NotOnUpstream",
    "NotPinned",
    "NotPublished",
    "NotReleased",
    "NothingMoved",
    "NothingPending",
    "NothingStopped",
    "NothingToFollow",
    "Refusal",
    "Rewind",
    "SamePerson",
    "SdkBuildId",
    "SdkEqual",
    "SdkMissing",
    "SdkUnreachable",
    "ThereAlready",
    "UnclearUpstream",
    "UnknownProject",
    "UnknownRelease",
    "UnknownRevision",
    "UnknownSdk",
    "Unreadable",
    "VersionTaken",
    "VersionTooLow",
    "WrongLine",
    "WrongPlace",
]
