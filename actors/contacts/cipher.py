"""Seals what is known of customers with the service's key, and makes the indexes by which it is found.

AES-256-GCM with a nonce of 96 random bits: by NIST SP 800-38D one key seals 2^32 entries. An entry is bound to its
place, so that none can be put in place of another. Places and indexes are HMACs under a key that is derived from the
same one: who has the store without the key can neither read it nor try names.
"""

import hmac
import os
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
INDEX_BYTES: Final = 16
FORM: Final = b"\x01"  # of what is sealed, before the nonce
NONCE_BYTES: Final = 12
MODE_OF_OTHERS: Final = 0o007


class ContactsError(Exception):
    """The contacts cannot be used; nothing else of the service needs them."""


class KeyMissing(ContactsError):
    """There is no key, or it is none."""


class ContactsUnreadable(ContactsError):
    """What is stored was sealed with another key, or is not what was sealed."""


class ContactsLimit(ContactsError):
    """There are as many of a customer as there may be; nothing was done."""


class ContactsAway(ContactsError):
    """The store does not answer or take a write; what became of that is unknown."""


class Cipher:
    """By one key of KEY_BYTES. Thread-safe."""

    def __init__(self, key: bytes) -> None:
        self._sealing = AESGCM(hmac.digest(key, b"seal", sha256))
        self._indexing = hmac.digest(key, b"index", sha256)

    def seal(self, place: bytes, plain: bytes) -> bytes:
        """What only `unseal` reads, at the same place."""
        nonce = os.urandom(NONCE_BYTES)
        return FORM + nonce + self._sealing.encrypt(nonce, plain, FORM + place)

    def unseal(self, place: bytes, sealed: bytes) -> bytes:
        """What was sealed at that place. Raises ContactsUnreadable."""
        form, nonce, rest = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if form != FORM:
            raise ContactsUnreadable("a later version sealed it; start that version again")
        try:
            return self._sealing.decrypt(nonce, rest, FORM + place)
        except (InvalidTag, ValueError) as error:
            raise ContactsUnreadable("it was sealed with another key, or is damaged") from error

    def index(self, *words: str) -> bytes:
        """INDEX_BYTES for these words, the same wherever the key is."""
        said = b"".join(b"%d:%b" % (len(each), each) for each in (word.encode() for word in words))
        return hmac.digest(self._indexing, said, sha256)[:INDEX_BYTES]


def read_key(path: Path) -> bytes:
    """The key in a file. Raises KeyMissing where there is none, or anybody may read it."""
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii")
        key = b64decode(text.strip(), validate=True)
    except OSError as error:
        raise KeyMissing(f"the key of contacts {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise KeyMissing(f"{path} is no key of contacts: it must be {KEY_BYTES} bytes as base64") from error
    if mode & MODE_OF_OTHERS:
        raise KeyMissing(f"the key of contacts {path} may be read by others on this machine; chmod 600 it")
    if len(key) != KEY_BYTES:
        raise KeyMissing(f"{path} is no key of contacts: it must be {KEY_BYTES} bytes as base64")
    return key


def make_key(path: Path) -> None:
    """Write a new key, for its owner alone, unless the file is there: of two who make one, the first one's stays.
    Raises OSError.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        return
    finally:
        fresh.unlink()
