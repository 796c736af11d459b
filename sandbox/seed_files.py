"""The texts that the seeded repositories hold: manifests as the repo tool of 2013 printed them, and the rest."""

from __future__ import annotations

from collections.abc import Mapping

FILE = "100644"
LINK = "120000"
Files = Mapping[str, tuple[str, bytes] | None]
"""Path to (mode, bytes); None removes the file."""

PATHS = {
    "coreos/baselayout": "src/third_party/baselayout",
    "coreos/chromite": "chromite",
    "coreos/coreos-overlay": "src/third_party/coreos-overlay",
    "coreos/docker": "src/third_party/docker",
    "coreos/etcd": "src/third_party/etcd",
    "coreos/fleet": "src/third_party/fleet",
    "coreos/init": "src/third_party/init",
    "coreos/locksmith": "src/third_party/locksmith",
    "coreos/portage-stable": "src/third_party/portage-stable",
    "coreos/scripts": "src/scripts",
    "coreos/sdnotify-proxy": "src/third_party/sdnotify-proxy",
    "coreos/update_engine": "src/third_party/update_engine",
}
"""The projects: name to place in the checkout."""
BRANCHED = ("coreos/coreos-overlay", "coreos/portage-stable")
"""Those that have a branch of the release line."""

REMOTES = '  <remote fetch=".." name="github" review="gerrit.example"/>\n  <remote fetch=".." name="private"/>\n'
DEFAULT = '  <default remote="github" revision="refs/heads/master" sync-j="4"/>\n'
GAP = "  \n"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<manifest>\n'


def main_manifest() -> dict[str, tuple[str, bytes]]:
    """master.xml, written by hand, and the remotes that it includes."""
    rows = "".join(f'  <project name="{name}"\n           path="{path}"{_body(name)}\n' for name, path in PATHS.items())
    include = '  <!-- what a release is made of -->\n  <include name="_remotes.xml"/>\n'
    main = f"{HEAD}{include}{DEFAULT}\n{rows}</manifest>\n"
    remotes = f"{HEAD}{REMOTES}</manifest>\n"
    return {"master.xml": (FILE, main.encode()), "_remotes.xml": (FILE, remotes.encode())}


def release_manifest(pins: Mapping[str, str], build: int) -> bytes:
    """build-N.xml: every project pinned, attributes by alphabet, printed by `repo manifest -r`."""
    rows = "".join(_pinned(name, path, pins[name], build) for name, path in PATHS.items())
    return f"{HEAD}{REMOTES}{GAP}{DEFAULT}{GAP}{rows}</manifest>\n".encode()


def _pinned(name: str, path: str, pin: str, build: int) -> str:
    branch = "build-115" if build == 115 and name in BRANCHED else "master"
    head = f'  <project name="{name}" path="{path}" revision="{pin}" upstream="refs/heads/{branch}"'
    return f"{head}{_body(name)}\n"


def _body(name: str) -> str:
    if name == "coreos/chromite":
        return '>\n    <copyfile dest="AUTHORS" src="AUTHORS"/>\n  </project>'
    return "/>"


def version_file(build: int, sdk: str) -> bytes:
    """version.txt as it was in October 2013."""
    lines = (f"BUILD={build}", "BRANCH=0", "PATCH=0", f"SDK_VERSION={sdk}")
    return "".join(f"COREOS_{line}\n" for line in lines).encode()


CONFIGURATION = b"""version: 1
channels:
  dev-channel: {mode: newer}
build:
  repository: coreos/scripts
  workflow: image-build.yml
  ref: master
  image: prod
  group: alpha
  formats: [qemu, vmware]
"""

WORKFLOW = b"""name: image build
run-name: "${{ inputs.tag }} ${{ inputs.correlation_id }}"
on:
  workflow_dispatch:
    inputs:
      tag: {description: release tag to build, required: true, type: string}
      correlation_id: {description: names the one wanted build, required: true, type: string}
      formats: {description: image formats with commas between them, default: qemu, type: string}
permissions: {}
jobs:
  verify:
    runs-on: ubuntu-latest
    steps:
      - run: git verify-tag "$TAG"
        env: {TAG: "${{ inputs.tag }}"}
  prod:
    needs: verify
    runs-on: ubuntu-latest
    steps:
      - run: ./build_image prod --group "$GROUP"
        env: {GROUP: "read from the tag"}
"""
