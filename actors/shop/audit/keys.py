"""The keys of an audit: which were answered, and when, for as long as a ledger remembers that."""

from typing import Final, NamedTuple

from actors.core.status import Status
from actors.shop.audit.books import DAY_MS, Hold

REFUSAL_MEMORY_MS: Final = 600_000
ANSWER_MEMORY_MS_DEFAULT: Final = 8 * DAY_MS  # the longest hold (7 days) and a day, until a policy says otherwise


class Memory:
    """When each key was answered, for as long as that is remembered, and a sweep every `period_ms`."""

    def __init__(self, memory_ms: int, period_ms: int) -> None:
        self.memory_ms = memory_ms
        self._period_ms = period_ms
        self._period = 0
        self._told_at: dict[str, int] = {}

    def has(self, key: str, at_ms: int) -> bool:
        """Whether the key was answered within the memory of answers."""
        earlier_ms = self._told_at.get(key)
        return earlier_ms is not None and at_ms - earlier_ms <= self.memory_ms

    def note(self, key: str, at_ms: int) -> None:
        if at_ms // self._period_ms > self._period:
            self._period = at_ms // self._period_ms
            oldest_ms = at_ms - self.memory_ms
            self._told_at = {old: told_at for old, told_at in self._told_at.items() if told_at >= oldest_ms}
        self._told_at[key] = at_ms


class Keys(NamedTuple):
    """Which keys were answered, and which calls have had claims, by what was accepted and what was refused."""

    accepted: Memory
    refused: Memory

    @staticmethod
    def none() -> "Keys":
        """Of a new ledger."""
        return Keys(Memory(ANSWER_MEMORY_MS_DEFAULT, DAY_MS), Memory(REFUSAL_MEMORY_MS, REFUSAL_MEMORY_MS))

    def answered_twice(self, key: str, call_key: str, at_ms: int, *, refused: bool) -> str:
        """Note an answer, to a claim of a call where `call_key` is not empty. Returns the key that has another, if any:
        a call may have any number of claims, and beside them nothing.
        """
        twice = key if self._have(key, at_ms) or self._have(f"\n\n{key}", at_ms) else ""
        if call_key:
            twice = twice or (call_key if self._have(call_key, at_ms) else "")
        self._note(self.refused if refused else self.accepted, key, call_key, at_ms)
        return twice

    def decided(self, claim: Hold, at_ms: int, *, goes_on: bool) -> None:
        """Note again, for as long as what was accepted or refused, what a claim answered that is undecided no more."""
        if claim.status is Status.CLAIMED:
            self._note(self.accepted if goes_on else self.refused, *claim.keys, at_ms)

    def _note(self, memory: Memory, key: str, call_key: str, at_ms: int) -> None:
        memory.note(key, at_ms)
        if call_key:
            memory.note(f"\n\n{call_key}", at_ms)  # which is the key of nothing

    def _have(self, key: str, at_ms: int) -> bool:
        return self.accepted.has(key, at_ms) or self.refused.has(key, at_ms)
