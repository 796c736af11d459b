"""Planning a release: given a branch, a request and what the projects' refs are at, the tree that would be released.

One file for each step of the hand-written procedure; this is the package's public face.
"""

from bot.core.plan.base import DEFAULT, RELEASE, Base, find_project, line_files, read_base, release_manifests
from bot.core.plan.files import again
from bot.core.plan.number import line_of
from bot.core.plan.past import Recall, earlier, recall, sdk_in_question, sdk_of
from bot.core.plan.plan import look_up, plan
from bot.core.plan.request import Kind, Request, request_of
from bot.core.plan.sdk import ChosenSdk
from bot.core.plan.value import Caution, Plan, ProjectChange, RefChange, blobs, digest, to_json

__all__ = [
    "DEFAULT",
    "RELEASE",
    "Base",
    "Caution",
    "ChosenSdk",
    "Kind",
    "Plan",
    "ProjectChange",
    "Recall",
    "RefChange",
    "Request",
    "again",
    "blobs",
    "digest",
    "earlier",
    "find_project",
    "line_files",
    "line_of",
    "look_up",
    "plan",
    "read_base",
    "recall",
    "release_manifests",
    "request_of",
    "sdk_in_question",
    "sdk_of",
    "to_json",
]
