"""A ledger host for tests, with a manual clock, a journal that can fail, and successors on the same storage.

runtime = ActorRuntime(storage, clock)
runtime.tell("k1: reserve ann A 3")    # "#2 HELD A 3 until 2:00"
later = runtime.successor()            # another process takes over what the storage has
"""

import re
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

from actors.core.policy import Policy
from actors.core.transact import Deferred
from actors.journal.port import JournalError
from actors.protocol.messages import Stopped
from actors.runtime.kinds import SHOP
from actors.runtime.ledger_host import LedgerHost
from actors.shop.commands import Command
from actors.shop.snapshot import Capture
from actors.shop.state import Remembered
from tests.journal.storages import Storage
from tests.runtime.breaking import BreakingJournal
from tests.shop.scenario_text import answer_text, command_of, stock_text
from tests.shop.watched import DAY_ZERO_MS

WAIT_S: Final = 20.0  # what must come, comes long before
STILL_S: Final = 0.05  # what must not come is given this long to do so

_KEYED: Final = re.compile(r"(\w+): (.*)")


class ManualClock:
    """A clock that stands until a test moves it, in either direction."""

    def __init__(self, at_ms: int = DAY_ZERO_MS) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms

    def raise_to(self, _at_ms: int) -> None:
        """A test sees how a host does without."""

    def mark_due(self) -> None:
        """Who moves it also says where it goes on."""

    def move(self, by_ms: int) -> None:
        """Forward, or back with a minus."""
        self.at_ms += by_ms


class ActorRuntime:
    """One host over a storage. The failures it was notified of are in `failures`, and in the journal's log."""

    def __init__(
        self, storage: Storage, clock: ManualClock, policy_for: Callable[[str], Policy | None] = lambda _: None
    ) -> None:
        self.storage = storage
        self.clock = clock
        self.failures: list[JournalError] = []
        self.journal = BreakingJournal(storage.open())
        self.host = LedgerHost(SHOP, self.journal, clock, policy_for, self._failed)
        self.host.recover(self.journal.ledger_ids())
        self._policy_for = policy_for
        self._numbers = count(1)

    def successor(self) -> "ActorRuntime":
        """Another process on the same storage; this one may not know yet that it was replaced."""
        runtime = ActorRuntime(self.storage, self.clock, self._policy_for)
        runtime._numbers = self._numbers
        return runtime

    def command(self, text: str) -> Command:
        """What a line says; without a key in front it gets one of its own."""
        keyed = _KEYED.fullmatch(text)
        key, said = keyed.groups() if keyed else (f"own{next(self._numbers)}", text)
        return command_of(said, key)

    def say(self, *texts: str, store_id: str = "S1") -> list[Remembered | Stopped | Deferred]:
        """One step."""
        return self.host.step([(store_id, self.command(text)) for text in texts])

    def deliver(self, text: str, store_id: str = "S1") -> str:
        """One command; the answer as a line."""
        (answer,) = self.say(text, store_id=store_id)
        assert not isinstance(answer, Deferred), "more is due than is expired at once"
        told = f"stopped: {answer.why}" if isinstance(answer, Stopped) else answer_text(answer)
        self.journal.log.append(f"answer {text.partition(':')[0]}")
        return told

    def version(self, store_id: str = "S1") -> int:
        """Read the ledger's version."""
        version: int = self.host.read(store_id, lambda hosted, _: hosted.ledger.version)
        return version

    def stock(self, store_id: str = "S1") -> str:
        """Read the positions."""
        return self.host.read(store_id, lambda hosted, _: stock_text(hosted.ledger))

    def epoch(self, store_id: str = "S1") -> int:
        """Read the epoch."""
        return self.host.read(store_id, lambda hosted, _: hosted.epoch)

    def state_hash(self, store_id: str = "S1") -> str:
        """Read the state's hash."""
        return self.host.read(store_id, lambda hosted, _: Capture(hosted.ledger)).state_hash()

    def snapshot(self, store_id: str = "S1") -> None:
        """Write one."""
        self.host.snapshot(store_id, lambda: None)

    def _failed(self, failure: JournalError) -> None:
        self.failures.append(failure)
        self.journal.log.append("failure")


def entries(log: Sequence[str], kind: str) -> list[str]:
    """The entries of a journal's log that begin with a word."""
    return [entry for entry in log if entry.split()[0] == kind]
