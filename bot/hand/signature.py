"""The person's signature under a tag, made by their git with their key, without a ref in their clone.

Git signs a tag only while it makes one, ref and all. So it makes the tag in a passing git dir whose store of objects
and configuration are links to the clone's.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from bot.core.objects import read_tag
from bot.core.refs import RefName, Sha
from bot.gateway import GitFailed, Runner, on_disk
from bot.outage import Denied

_TAGGER = re.compile(r"(.*) <(.*)> (\d+ [+-]\d{4})")


def sign_tag(git: Runner, common: Path, payload: bytes) -> bytes:
    """The tag with a signature at its end. Raises ValueError for bytes that are no tag of a tagger."""
    tag = read_tag("", payload)
    ref = RefName(f"refs/tags/{tag.tag}")
    who = _TAGGER.fullmatch(tag.tagger)
    if who is None:
        raise ValueError("the tag lacks its tagger")
    with on_disk(), tempfile.TemporaryDirectory() as folder:
        env = {
            "GIT_DIR": folder,
            "GIT_COMMITTER_NAME": who[1],
            "GIT_COMMITTER_EMAIL": who[2],
            "GIT_COMMITTER_DATE": f"@{who[3]}",
        }
        Path(folder, "refs").mkdir()
        Path(folder, "HEAD").write_text("ref: refs/heads/nothing\n")
        for name in ("objects", "config"):
            Path(folder, name).symlink_to(common / name)
        options = ("--sign", "--cleanup=verbatim", "--file=-")
        message = payload.partition(b"\n\n")[2]
        answer = git.talk("tag", *options, "--", tag.tag, Sha(tag.target), data=message, env=env)
        signed = b"" if answer.status else git.run("cat-file", "tag", ref, env=env)
    # Some versions of git end well after ssh-keygen failed, and leave the tag unsigned.
    if signed in (b"", payload):
        raise Denied("git", f"your git could not sign the tag: {GitFailed(answer).words}")
    if not signed.startswith(payload + b"-----BEGIN "):
        raise Denied("git", "your git signs other bytes than those of the tag; nothing was signed")
    return signed
