"""`verify --trusted`: a release that was signed by hand is judged by the keys in a person's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hand.seeded import Desk, desk as desk
from tests.signing_keys import SshKey, needs

pytestmark = needs("ssh-keygen")
ETCD = ("patch", "build-115", "coreos/etcd=release-0.1")


@pytest.fixture
def key(desk: Desk) -> SshKey:
    """The key with which v115.0.1 was signed and released."""
    (desk.home / "keys").mkdir()
    key = SshKey.make(desk.home / "keys")
    desk.git("config", "--global", "gpg.format", "ssh")
    desk.git("config", "--global", "user.signingKey", f"{key.path}.pub")
    assert desk.release("--yes", "--sign", *ETCD).status == 0
    return key


def row(desk: Desk, trusted: str | None, version: str = "115.0.1") -> tuple[int, str]:
    """The exit status, and what the line about the signature says."""
    path = desk.home / "trusted"
    if trusted is not None:
        path.write_text(trusted)
    done = desk.run("verify", version, *([] if trusted is None else ["--trusted", str(path)]))
    assert done.err == ""
    (line,) = [line for line in done.out.splitlines() if line.split()[1] == "signature"]
    return done.status, " ".join(line.split())


def test_a_signature_is_good_by_a_listed_key_and_wrong_by_any_other_or_at_another_time(desk: Desk, key: SshKey) -> None:
    good = "fine signature The tag is signed with an SSH key of `release-bot@example.org`."
    assert row(desk, key.trusted()) == (0, good)
    other = SshKey.make(desk.home / "keys")
    status, said = row(desk, other.trusted())
    assert (status, said.endswith("which is not trusted.")) == (4, True)
    status, said = row(desk, key.trusted('valid-before="19990101Z"'))
    assert (status, "not trusted at the tag's date" in said) == (4, True)


def test_a_release_that_was_not_signed_is_wrong_where_a_key_could_have_signed_it(desk: Desk, key: SshKey) -> None:
    words = "signature The tag is not signed"
    assert row(desk, None, "115.0.0") == (0, f"fine {words}.")
    assert row(desk, key.trusted(), "115.0.0") == (
        4,
        f"WRONG {words}, though at its date a trusted key could have signed it.",
    )
    young = key.trusted('valid-after="20990101Z"')
    assert row(desk, young, "115.0.0") == (0, f"warning {words}; at its date no key was trusted.")


def test_without_the_option_the_signature_is_not_checked(desk: Desk, key: SshKey) -> None:
    said = "warning signature The tag is signed with an SSH key, not checked: no trusted keys given."
    assert row(desk, None) == (0, said)


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"nobody", 2, "cannot be used: line 1 is no key: a name, perhaps options, the kind of key, the key."),
        (b"\xff", 2, "is no trust file: it is not text."),
        (None, 1, "No such file or directory."),
    ],
    ids=["no key", "no text", "no file"],
)
def test_a_trust_file_that_cannot_be_used_is_said_in_one_sentence(
    desk: Desk, data: bytes | None, status: int, words: str
) -> None:
    path = Path(desk.home, "trusted")
    if data is not None:
        path.write_bytes(data)
    done = desk.run("verify", "115.0.0", "--trusted", str(path))
    assert (done.status, done.out) == (status, "")
    assert done.err.endswith(f"{words}\n")
