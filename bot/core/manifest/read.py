"""Read a manifest from one commit's files, with its includes and, where there are any, local manifests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.core.manifest.build import build
from bot.core.manifest.include import Collector
from bot.core.manifest.model import Manifest, Submanifest
from bot.core.manifest.vocabulary import oddities, root_oddities
from bot.core.tree import Tree


def read(
    tree: Tree, path: str, local: Mapping[str, bytes] | None = None, inside: Submanifest | None = None
) -> Manifest:
    """The manifest at `path`, a file or a link to one; BadManifest where it cannot be used.

    `local` holds local manifests by file name; `inside` is the element that places this manifest in another's
    checkout.
    """
    collector = Collector(tree)
    groups = frozenset[str]()
    if inside:
        groups = inside.groups | {f"submanifest::path:{inside.place}"}
    collector.add_file(path, groups)
    for name in sorted(local or {}):
        if local and name.endswith(".xml"):
            collector.add_local(name, local[name], groups | {f"local::{name.removesuffix('.xml')}"})
    return replace(
        build(collector.elements),
        prefix=inside.place if inside else "",
        default_groups=inside.default_groups if inside else (),
        inputs=tuple(collector.inputs),
        oddities=(
            *collector.oddities,
            *(oddity for root in collector.roots for oddity in root_oddities(root)),
            *oddities(collector.elements),
        ),
    )
