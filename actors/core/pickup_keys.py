"""The keys by which pickup codes are signed and pickup links made, and until when each is good. What is made by them:
`serve.pickup.codes` and `core.pickup_links`. Those of links are their own: a code may be revoked, and whoever has the
link sees the next one.
"""

from typing import Final

from msgspec.structs import replace

from actors.core.message import Message, Value
from actors.core.policy import ANSWER_MEMORY_MARGIN_MS, TTL_MS_CEILING

SEED_BYTES: Final = 32
PICKUP_KEYS_MAX: Final = 16  # good at once; tills keep all of them
# A deadline to collect is set at most so far ahead, so by then each code that a key has signed was replaced or is over.
FORMER_KEY_MS: Final = TTL_MS_CEILING + ANSWER_MEMORY_MARGIN_MS
# For which a link is good: as long after the latest deadline as that is away, so that its receipt can be seen.
LINK_MS: Final = 2 * FORMER_KEY_MS


class PickupKeyMade(Message, frozen=True):
    """A new key signs from here on. `seed` is its secret, SEED_BYTES in hexadecimal. `revokes`: what those before it
    have signed is not good any more.
    """

    seed: str
    at_ms: int
    revokes: bool = False


class LinkKeyMade(Message, frozen=True):
    """A new key makes links to customers' pages from here on. Fields as in PickupKeyMade."""

    seed: str
    at_ms: int
    revokes: bool = False


class PickupKey(Value, frozen=True):
    """A key; its number is the revision of the chain that made it. `until_ms` is from when on what it signed is not
    good any more; 0 for the one that signs now.
    """

    number: int
    seed: str
    made_ms: int
    until_ms: int = 0


PickupKeys = tuple[PickupKey, ...]  # of one use, the oldest first; the last one signs


def keys_at(keys: PickupKeys, at_ms: int) -> PickupKeys:
    """Those that are good at an instant."""
    return tuple(key for key in keys if not key.until_ms or key.until_ms > at_ms)


def keys_after(keys: PickupKeys, event: PickupKeyMade | LinkKeyMade, revision: int) -> PickupKeys:
    """The keys after an event, which makes this revision of the chain."""
    former = () if event.revokes else keys_at(keys, event.at_ms)
    until_ms = event.at_ms + (LINK_MS if isinstance(event, LinkKeyMade) else FORMER_KEY_MS)
    ended = (replace(key, until_ms=key.until_ms or until_ms) for key in former)
    return (*ended, PickupKey(revision, event.seed, event.at_ms))


def signing(keys: PickupKeys) -> int:
    """The number of the key that signs, 0 where there is none."""
    return keys[-1].number if keys else 0
