"""What `repo manifest -r` would print for one case of the parity corpus: `python -m tests.parity.pin CASE_DIR`.

A thin adapter: it loads the case's files into a tree, answers the core's queries from heads.json, prints what the
core prints. It knows no rule of the manifest format.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.manifest import BadManifest, Query, needed, pinned, read, select, to_xml
from bot.core.tree import FILE, LINK, Entry, Tree

SERVER_ROOT = "/srv/farm"
"""The folder of the server whose repositories the corpus was made from; file:// addresses name it."""


def main(case: Path) -> int:
    meta = json.loads((case / "meta.json").read_text())
    heads = json.loads((case.parent.parent / "heads.json").read_text())
    local = {file.name: file.read_bytes() for file in (case / "local_manifests").glob("*")}
    try:
        manifest = select(read(files_below(case / "input"), meta["manifest_name"], local), meta["groups"])
        for oddity in manifest.oddities:
            sys.stderr.write(f"warning: {oddity.sentence}\n")
        answers: dict[tuple[str, str], str] = {}
        for query in needed(manifest, meta["manifest_url"]):
            answers |= look_up(query, heads)
        sys.stdout.buffer.write(to_xml(pinned(manifest, meta["manifest_url"], answers)))
    except BadManifest as bad:
        sys.stderr.write(f"{bad}\n")
        return 1
    return 0


def files_below(root: Path) -> Tree:
    """The folder as the tree of a commit. Where it was copied without links, a file holds just a link's target."""
    entries = {}
    for file in root.rglob("*"):
        path = str(file.relative_to(root))
        if file.is_symlink():
            entries[path] = Entry(LINK, str(file.readlink()).encode())
        elif file.is_file():
            data = file.read_bytes()
            is_target = len(data) < 256 and b"<" not in data and (file.parent / data.decode().strip()).is_file()
            entries[path] = Entry(LINK if data and is_target else FILE, data)
    return Tree(entries)


def look_up(query: Query, heads: dict[str, dict[str, str]]) -> dict[tuple[str, str], str]:
    """What a server would answer, an annotated tag peeled. Repositories are found by the path of their address."""
    path = re.sub("/+", "/", urlsplit(query.url).path).removeprefix(SERVER_ROOT).strip("/")
    refs = heads.get(path) or heads.get(path.removesuffix(".git")) or {}
    return {(query.url, ref): refs.get(ref + "^{}", refs[ref]) for ref in query.refs if ref in refs}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
