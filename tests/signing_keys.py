"""Keys and signatures made by the real programs, for tests of what signs and judges tags."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.core.objects import Identity, tag_payload

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
MESSAGE = "CoreOS v115.0.1\n\nRequested-by: brandon\nPlan: sha256:00\n"
TAG = tag_payload("c0" * 20, "v115.0.1", Identity("Bot", "bot@example.org"), WHEN, MESSAGE)
NAME = "release-bot@example.org"


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip where one of these programs is not on the machine."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed here")


@dataclass(frozen=True)
class SshKey:
    """An SSH key in files, as ssh-keygen made it."""

    path: Path

    @classmethod
    def make(cls, folder: Path, *options: str) -> SshKey:
        path = folder / f"key{len(list(folder.iterdir()))}"
        run("ssh-keygen", "-q", *(options or ("-t", "ed25519")), "-N", "", "-C", "a comment", "-f", str(path))
        return cls(path)

    @property
    def private(self) -> str:
        return self.path.read_text()

    @property
    def public(self) -> str:
        """The kind and the key, without the comment."""
        return " ".join(self.path.with_suffix(".pub").read_text().split()[:2])

    def trusted(self, options: str = "", name: str = NAME) -> str:
        """A line of a trust file."""
        return f"{name} {options}{' ' if options else ''}{self.public}\n"

    def sign(self, payload: bytes, *options: str, namespace: str = "git") -> bytes:
        """What git would make of it: the tag with a signature after it."""
        words = ("ssh-keygen", "-q", "-Y", "sign", "-n", namespace, *options, "-f", str(self.path))
        return payload + run(*words, data=payload)


@dataclass(frozen=True)
class GpgHome:
    """A folder with keys of gpg's; short of name, for gpg's sockets are in it."""

    path: Path

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[GpgHome]:
        with tempfile.TemporaryDirectory(prefix="g", ignore_cleanup_errors=True) as folder:
            home = cls(Path(folder))
            yield home
            run("gpgconf", "--kill", "all", env=home.env)

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "GNUPGHOME": str(self.path), "LC_ALL": "C"}

    def gpg(self, *words: str, data: bytes = b"") -> bytes:
        loopback = ("--passphrase", "", "--pinentry-mode", "loopback")
        return run("gpg", "--batch", "--quiet", "--no-tty", *loopback, *words, data=data, env=self.env)

    def make(self, name: str, algorithm: str = "ed25519", use: str = "sign", ends: str = "never", at: str = "") -> str:
        """Make a key; its fingerprint."""
        clock = ("--faked-system-time", f"{at}!") if at else ()
        made = self.gpg(*clock, "--status-fd", "1", "--quick-generate-key", name, algorithm, use, ends)
        return made.split(b"KEY_CREATED ")[1].split()[1].decode()

    def public(self, key: str) -> str:
        return self.gpg("--armor", "--export", key).decode()

    def secret(self, key: str) -> str:
        return self.gpg("--armor", "--export-secret-keys", key).decode()

    def sign(self, key: str, payload: bytes, *options: str) -> bytes:
        return payload + self.gpg(*options, "--local-user", key, "--armor", "--detach-sign", data=payload)


def ed25519() -> str:
    """A private SSH key for which no program is needed."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def run(*words: str, data: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    done = subprocess.run(words, input=data, capture_output=True, env=env, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
