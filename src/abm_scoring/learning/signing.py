"""Signed models: a key that only training and scoring know proves who made a bundle.

Hashes tell that a bundle is what was written; whoever can write there can write the hashes too. With a key, the
manifest, which holds all hashes, is signed with HMAC-SHA256 (RFC 2104).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from abm_scoring.errors import ConfigError, MissingInputError
from abm_scoring.learning.bundle_files import MANIFEST

SIGNATURE = "signature"
_SHORTEST_KEY = 16


def checked_key(text: str | None, where: str) -> bytes | None:
    """A key as it is used; None where there is none.

    Args:
        text: What the environment holds.
        where: Name of the variable, for the message; the key itself never stands in one.

    Raises:
        ConfigError: The key is too short to keep anybody out.
    """
    if not text:
        return None
    if len(text.encode()) < _SHORTEST_KEY:
        raise ConfigError(
            f"the key has fewer than {_SHORTEST_KEY} bytes", where=where, fix="make one with: openssl rand -hex 32"
        )
    return text.encode()


def signature(folder: Path, key: bytes) -> str:
    """64 hexadecimal digits over the manifest of a bundle."""
    return hmac.new(key, (folder / MANIFEST).read_bytes(), hashlib.sha256).hexdigest()


def sign(folder: Path, key: bytes) -> None:
    """Write the signature of a bundle into its folder, in one step that readers cannot see halfway."""
    aside = folder / f".{SIGNATURE}"
    with open(aside, "w", encoding="ascii", opener=_private) as file:
        file.write(signature(folder, key) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, folder / SIGNATURE)


def is_signed(folder: Path, key: bytes) -> bool:
    """Whether the bundle carries the signature of this key."""
    path = folder / SIGNATURE
    if path.is_symlink() or not path.is_file():
        return False
    return hmac.compare_digest(path.read_text(encoding="ascii", errors="replace").strip(), signature(folder, key))


def prove(folder: Path, key: bytes | None) -> None:
    """Refuse a bundle that is not signed with the key; without a key, nothing is asked.

    Raises:
        MissingInputError: It is unsigned, or signed with another key, or was changed (66).
    """
    if key is None or not (folder / MANIFEST).is_file():
        return
    if not is_signed(folder, key):
        raise MissingInputError(
            "the model is not signed with the key that is set", where=str(folder), fix="train again with this key set"
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o640)
