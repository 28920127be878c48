"""A key lies where the data is not, nobody else can read it, and it never shows itself."""

import base64
import os
import secrets

import pytest

from studypkg.errors import ConfigError
from studypkg.privacy.keys import PREFIX, SecretKey, key_from_text, new_key, read_key


def test_a_new_key_is_for_its_owner_alone_and_reads_back(tmp_path):
    made = new_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert read_key(variable=None, file=tmp_path / "key") == made
    assert new_key(tmp_path / "other").id != made.id


def test_a_key_never_shows_itself():
    key = SecretKey(secrets.token_bytes(32))
    assert repr(key) == "SecretKey()"
    assert len(key.id) == 12
    assert key.id not in key.secret.hex()


def test_a_key_that_is_there_is_not_overwritten(tmp_path):
    new_key(tmp_path / "key")
    with pytest.raises(ConfigError, match="left as it is"):
        new_key(tmp_path / "key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(tmp_path, mode):
    new_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_key(variable=None, file=tmp_path / "key")


def test_a_key_in_the_folder_of_the_study_is_refused(tmp_path):
    (tmp_path / "study").mkdir()
    with pytest.raises(ConfigError, match="in the study's folder"):
        new_key(tmp_path / "study/key", root=tmp_path / "study")
    new_key(tmp_path / "key")
    (tmp_path / "study/link").symlink_to(tmp_path / "key")
    (tmp_path / "study/real").write_text((tmp_path / "key").read_text())
    # A link leads to where the key really is; a copy in the study is in the study.
    read_key(variable=None, file=tmp_path / "study/link", root=tmp_path / "study")
    with pytest.raises(ConfigError, match="in the study's folder"):
        read_key(variable=None, file=tmp_path / "study/real", root=tmp_path / "study")


def test_a_key_in_a_working_copy_of_git_is_refused(tmp_path):
    (tmp_path / "code/.git").mkdir(parents=True)
    (tmp_path / "code/keys").mkdir()
    with pytest.raises(ConfigError, match="working copy of git"):
        new_key(tmp_path / "code/keys/key")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "correct horse battery staple and some more words to make it long",
        PREFIX + "c2hvcnQ",
        PREFIX + base64.urlsafe_b64encode(b"a" * 32).decode(),
        PREFIX + base64.urlsafe_b64encode(b"passwordpasswordpasswordpassword").decode(),
        PREFIX + "\u00fc" * 43,
        "2e4bc44289514233efd7a14c96dcd0f9354d7050d4081ca16b078778792f6bea",
    ],
)
def test_what_is_no_random_key_is_refused_without_being_shown(text):
    with pytest.raises(ConfigError) as caught:
        key_from_text(text, place="here")
    assert "studypkg" not in str(caught.value)
    assert text == "" or text not in str(caught.value)


def test_a_key_can_come_from_the_environment(tmp_path):
    made = new_key(tmp_path / "key")
    given = {"CLINIC_KEY": (tmp_path / "key").read_text()}
    assert read_key(variable="CLINIC_KEY", file=None, environment=given) == made
    with pytest.raises(ConfigError, match="CLINIC_KEY is not set"):
        read_key(variable="CLINIC_KEY", file=None, environment={})


def test_a_pipe_or_folder_is_no_key(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConfigError, match="ordinary file"):
            read_key(variable=None, file=place)
    with pytest.raises(ConfigError, match="not there"):
        read_key(variable=None, file=tmp_path / "nothing")


def test_a_study_that_names_no_key_is_told_how_to_make_one():
    with pytest.raises(ConfigError, match="--new-key"):
        read_key(variable=None, file=None)
