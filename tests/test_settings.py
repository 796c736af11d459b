"""The operator's environment: everything that is wrong is said at once, and no secret is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from bot.settings import BadSettings, Secret, Settings
from tests.door import environment, private_key
from tests.signing_keys import ed25519

KEY = private_key()
SIGNS = ed25519()


def env(**changes: str | None) -> dict[str, str]:
    whole: dict[str, str | None] = {
        "APP_ID": "1",
        "PRIVATE_KEY": KEY,
        "WEBHOOK_SECRET": "x" * 20,
        "MARKER_KEY": "y" * 32,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def faults(**changes: str | None) -> tuple[str, ...]:
    with pytest.raises(BadSettings) as bad:
        Settings.from_env(env(**changes))
    return bad.value.faults


def test_the_least_environment_is_enough() -> None:
    settings = Settings.from_env(env())
    assert settings.github_api_url == "https://api.github.com"
    assert settings.github_web_url == "https://github.com"
    assert settings.store_url is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"APP_ID": None}, "APP_ID is not set"),
        ({"APP_ID": "x"}, "APP_ID must be a positive number"),
        ({"PRIVATE_KEY": None}, "PRIVATE_KEY is not set"),
        ({"PRIVATE_KEY": "x"}, "not an RSA key"),
        ({"PRIVATE_KEY_PATH": "/nowhere"}, "both set"),
        ({"PRIVATE_KEY": None, "PRIVATE_KEY_PATH": "/nowhere"}, "cannot be read"),
        ({"WEBHOOK_SECRET": None}, "WEBHOOK_SECRET is not set"),
        ({"WEBHOOK_SECRET": ""}, "WEBHOOK_SECRET is not set"),
        ({"WEBHOOK_SECRET": "short"}, "WEBHOOK_SECRET is too short"),
        ({"WEBHOOK_SECRET_PREVIOUS": "short"}, "WEBHOOK_SECRET_PREVIOUS is too short"),
        ({"MARKER_KEY": "short"}, "MARKER_KEY is too short"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL must be"),
        ({"GITHUB_API_URL": "http://github.example"}, "GITHUB_API_URL must be an https"),
        ({"GITHUB_API_URL": "https://user:pw@github.example"}, "without user, password"),
        ({"SANDBOX": "1", "GITHUB_API_URL": "https://github.example"}, "must name this machine"),
        ({"PORT": "99999"}, "PORT must be a port"),
        ({"INSTALLATIONS": "1,x"}, "INSTALLATIONS must be"),
        ({"FETCH_HOSTS": "169.254.169.254"}, "FETCH_HOSTS must be host names"),
        ({"BOT_EMAIL": "a b"}, "BOT_EMAIL must be"),
        ({"BOT_NAME": "a\nb"}, "BOT_NAME must be one line"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL must be"),
        ({"POLL_SECONDS": "nan"}, "POLL_SECONDS must be"),
        ({"RECONCILE_SECONDS": "0"}, "RECONCILE_SECONDS must be"),
        ({"SIGNING_KEY": "x"}, "SIGNING_KEY cannot sign: it is neither an OpenSSH private key nor"),
        ({"SIGNING_KEY": KEY}, "SIGNING_KEY cannot sign: it is neither an OpenSSH private key nor"),
        ({"SIGNING_KEY": SIGNS, "SIGNING_KEY_PATH": "/nowhere"}, "SIGNING_KEY and SIGNING_KEY_PATH are both set"),
        ({"SIGNING_KEY_PATH": "/nowhere"}, "SIGNING_KEY_PATH /nowhere cannot be read: No such file"),
        ({"SIGNING_KEY_PATH": "/dev/null"}, "SIGNING_KEY_PATH /dev/null is empty"),
        ({"TRUSTED_KEYS": "nobody"}, "TRUSTED_KEYS cannot be used: line 1 is no key"),
        ({"TRUSTED_KEYS": " "}, "TRUSTED_KEYS cannot be used: it holds no key"),
        ({"TRUSTED_KEYS_PATH": "/nowhere"}, "TRUSTED_KEYS_PATH /nowhere cannot be read: No such file"),
    ],
)
def test_a_fault_is_one_sentence_with_the_variables_name(changes: dict[str, str | None], words: str) -> None:
    (fault,) = faults(**changes)
    assert words in fault


def test_all_faults_are_said_at_once() -> None:
    assert len(faults(APP_ID=None, MARKER_KEY=None, PORT="x")) == 3


def test_no_secret_is_in_what_is_shown_of_the_settings(tmp_path: Path) -> None:
    secret = "canary-" + "z" * 40
    shown = repr(
        Settings.from_env(env(WEBHOOK_SECRET=secret, MARKER_KEY=secret, DATABASE_URL=f"postgresql://a:{secret}@h/d"))
    )
    assert secret not in shown
    assert "PRIVATE KEY" not in shown
    assert secret not in " ".join(faults(WEBHOOK_SECRET=secret, DATABASE_URL=f"mysql://{secret}@h"))
    assert environment(tmp_path, 1)["MARKER_KEY"]


def test_a_key_from_a_file_that_others_can_read_is_warned_about(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(KEY)
    path.chmod(0o644)
    (warning,) = Settings.from_env(env(PRIVATE_KEY=None, PRIVATE_KEY_PATH=str(path))).warnings
    assert "chmod 600" in warning


def test_a_key_written_on_one_line_is_read() -> None:
    assert Settings.from_env(env(PRIVATE_KEY=KEY.replace("\n", "\\n"))).private_key.reveal() == KEY


def test_without_a_signing_key_tags_are_not_signed_and_nobody_is_trusted() -> None:
    settings = Settings.from_env(env())
    assert settings.signing_key is None
    assert settings.trusted_keys == ()


@pytest.mark.parametrize(
    "text", [SIGNS, SIGNS.replace("\n", "\\n"), SIGNS.rstrip("\n")], ids=["file", "one line", "cut"]
)
def test_a_signing_key_is_read_however_it_was_put_into_the_environment(text: str) -> None:
    settings = Settings.from_env(env(SIGNING_KEY=text))
    assert settings.signing_key == Secret(SIGNS)
    assert "OPENSSH" not in repr(settings)


def test_keys_are_read_from_files(tmp_path: Path) -> None:
    secret, trusted = tmp_path / "key", tmp_path / "trusted"
    secret.write_text(SIGNS)
    secret.chmod(0o600)
    public = load_ssh_private_key(SIGNS.encode(), None).public_key()
    trusted.write_text(f"bot@x {public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()}  # \N{SNOWMAN}")
    settings = Settings.from_env(env(SIGNING_KEY_PATH=str(secret), TRUSTED_KEYS_PATH=str(trusted)))
    assert settings.signing_key == Secret(SIGNS)
    assert [key.name for key in settings.trusted_keys] == ["bot@x"]
    assert settings.warnings == ()
    secret.chmod(0o644)
    (warning,) = Settings.from_env(env(SIGNING_KEY_PATH=str(secret))).warnings
    assert "chmod 600" in warning


def test_a_fault_of_a_signing_key_holds_nothing_of_it() -> None:
    broken = SIGNS[:120] + SIGNS[124:]
    (fault,) = faults(SIGNING_KEY=broken)
    assert not any(line in fault for line in broken.splitlines())
