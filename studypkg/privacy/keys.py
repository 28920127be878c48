"""The secret key of a study: made, kept outside the data, read with its guards, and named by its id."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from studypkg.errors import ConfigError

#: Bytes of a key; HMAC-SHA256 gains nothing from more (RFC 2104, section 3).
KEY_BYTES = 32
#: A key in text begins so, which lets a search for leaked secrets find it.
PREFIX = "studykey1_"
#: Fewer different bytes than this among 32 never happen by chance (less than once in 10^12 keys).
_DIFFERENT_BYTES = 18
_MAKE = "`study pseudonymise --new-key FILE` makes one"


@dataclass(frozen=True)
class SecretKey:
    """A key that turns ids into pseudonyms and moves dates; it never shows itself.

    Parameters
    ----------
    secret
        32 bytes. Left out of the text form, so that no log or traceback holds it.
    """

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Name the key without revealing it: 12 hexadecimal digits."""
        return self.derived("key id").hex()[:12]

    def derived(self, purpose: str) -> bytes:
        """Make a key for one purpose, from which neither this key nor that of another purpose follows."""
        return hmac.new(self.secret, f"studypkg/1/{purpose}".encode(), hashlib.sha256).digest()


def key_from_text(text: str, *, place: str) -> SecretKey:
    """Read a key as `new_key` wrote it.

    Parameters
    ----------
    text
        What stood there.
    place
        Where it stood, for the message.

    Raises
    ------
    ConfigError
        If it is not a whole key, or so regular that a person typed it. The message holds nothing of it.
    """
    body = text.strip().removeprefix(PREFIX)
    try:
        secret = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except (binascii.Error, ValueError):
        secret = b""
    if not text.strip().startswith(PREFIX) or len(secret) != KEY_BYTES:
        raise ConfigError(
            f'{place} holds no key of a study: it begins with "{PREFIX}" and has {KEY_BYTES} random bytes. '
            f"A password or phrase is no key, because it can be guessed. {_MAKE}."
        )
    if len(set(secret)) < _DIFFERENT_BYTES:
        raise ConfigError(f"{place} holds a key that was not drawn at random. {_MAKE}.")
    return SecretKey(secret)


def read_key(
    *,
    variable: str | None,
    file: Path | None,
    root: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> SecretKey:
    """Read the key from its one place, and refuse places where others could read it.

    Parameters
    ----------
    variable
        Name of an environment variable that holds the key.
    file
        A key file; a relative path counts from `root`.
    root
        Folder of the study. A key does not lie there.
    environment
        Used in place of the process's own.

    Raises
    ------
    ConfigError
        If there is no key, or its file is readable by others, belongs to somebody else, or lies in the
        study's folder or a working copy of git.
    """
    if variable is not None:
        text = (os.environ if environment is None else environment).get(variable)
        if not text:
            raise ConfigError(
                f"the environment variable {variable} is not set, and it holds the secret key of this study. "
                f"Set it for this run, from where the key is kept."
            )
        return key_from_text(text, place=f"the environment variable {variable}")
    if file is None:
        raise ConfigError(
            "this needs the study's secret key and none is named. Write key_variable or key_file under "
            f"[privacy.pseudonyms]; {_MAKE}."
        )
    path = file.expanduser()
    path = path if path.is_absolute() else (root or Path()) / path
    check_place(path, root)
    return key_from_text(_guarded_text(path), place=f"the key file {path.name}")


def new_key(path: Path, *, root: Path | None = None) -> SecretKey:
    """Draw a new key and write it into a new file that only the owner can read.

    Raises
    ------
    ConfigError
        If the file is there already, its folder is not, or it would lie in the study or a working copy.
    """
    path = path.expanduser()
    check_place(path, root)
    secret = secrets.token_bytes(KEY_BYTES)
    while len(set(secret)) < _DIFFERENT_BYTES:
        secret = secrets.token_bytes(KEY_BYTES)
    text = PREFIX + base64.urlsafe_b64encode(secret).decode().rstrip("=") + "\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(
            f"{path.name} is there already and was left as it is: a key that is overwritten is lost with "
            f"every pseudonym it made. Choose another name."
        ) from None
    except OSError:
        raise ConfigError(
            f"{path} cannot be written. Make its folder first, readable for you alone."
        ) from None
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    return SecretKey(secret)


def check_place(path: Path, root: Path | None) -> None:
    """Refuse a place for a secret that travels with the data or the code.

    Raises
    ------
    ConfigError
        If the path lies in the study's folder, or in a working copy of git.
    """
    real = path.resolve()
    if root is not None and real.is_relative_to(root.resolve()):
        raise ConfigError(
            f"{path.name} would lie in the study's folder, and whoever copies the study would have it with "
            f"the data. Keep it elsewhere."
        )
    for folder in real.parents:
        if (folder / ".git").exists():
            raise ConfigError(
                f"{path.name} would lie in {folder}, a working copy of git, from where it is easily "
                f"published. Keep it elsewhere."
            )


def _guarded_text(path: Path) -> str:
    try:
        # Without waiting: a pipe would keep the run waiting for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        raise ConfigError(
            f"the key file {path.name} is not there or cannot be read by this account."
        ) from None
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise ConfigError(f"the key file {path.name} is not an ordinary file.")
        if state.st_mode & 0o077:
            raise ConfigError(
                f"the key file {path.name} can be read by others than its owner. Take that right away: "
                f"chmod 600 {path.name}. If others had access before, make a new key."
            )
        if state.st_uid not in (os.geteuid(), 0):
            raise ConfigError(f"the key file {path.name} belongs to another account. Use a copy of your own.")
        return os.read(handle, 4096).decode("ascii", errors="replace")
    finally:
        os.close(handle)
