"""Decides as a host does: what an answer says is read back from the events, where a key was answered by one of them."""

from collections.abc import Callable
from typing import Any, TypeVar

from actors.core.answers import KeyedAnswer, Unread

T = TypeVar("T")


def decided(ledger: Any, answered_by: Callable[[int], KeyedAnswer], decide: Callable[[], T]) -> T:
    """What `decide` returns; `answered_by` gives the key and the answer of a version."""
    while True:
        try:
            told = decide()
        except Unread as unread:
            ledger.answers.read.update({version: answered_by(version) for version in unread.versions})
        else:
            ledger.answers.read.clear()
            return told
