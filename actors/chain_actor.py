"""The actor of the chain's stores and policy, their only writer. Changes are rare; each is one durable write."""

from collections.abc import Callable, Sequence
from secrets import token_hex
from threading import Lock
from typing import Final, TypeVar

from msgspec.structs import replace

from actors.core.chain import (
    ANY_REVISION,
    EMPTY,
    HOT_BY_RATE_MAX,
    HOT_SKUS_MAX,
    READERS_MAX,
    Chain,
    ChainEvent,
    FormatRaised,
    ReaderDropped,
    ReaderNamed,
    SkuAnnounced,
    SkuDemoted,
    SkuPromoted,
    Store,
    evolve_chain,
    known_hot,
    packed,
    policy_set,
    stores_put,
)
from actors.core.devices import DEVICES_MAX, DeviceAdded, DeviceRevoked, device_named, devices_at
from actors.core.pickup_keys import (
    PICKUP_KEYS_MAX,
    SEED_BYTES,
    LinkKeyMade,
    PickupKeyMade,
    PickupKeys,
    keys_at,
    signing,
)
from actors.core.policy import HotSku, Policy
from actors.core.store_moves import StoreMoved, StoreMoving
from actors.journal.codec import NONSENSE, Reader, damage_of
from actors.journal.port import Journal, JournalDamaged, JournalError, JournalNewer, Record
from actors.protocol.formats import FIRST, NEWEST, Writing
from actors.rpc.methods import rpc
from actors.runtime.clock import Clock

LEDGER_ID: Final = "chain"
READ_EVENTS_MAX: Final = 10_000
SEAL_BYTES: Final = 16  # a secret that nobody guesses
_read_events: Final = Reader[ChainEvent](ChainEvent)

T = TypeVar("T")


class ChainActor:
    """See `core.chain`. A document has what changed after the revision that the caller knows, and is read by
    `part_from_packed`. `end` as in LedgerActor. `unsaid` is the format of a chain that says none. Raises JournalError,
    JournalNewer for a format that this version does not know.
    """

    def __init__(
        self, name: str, journal: Journal, clock: Clock, end: Callable[[JournalError], None], unsaid: int = FIRST
    ) -> None:
        self.name = name
        self._end = end
        self._lock = Lock()
        self._clock = clock
        self._journal = journal
        head = self._journal.take_over(LEDGER_ID)
        self._epoch = head.epoch
        self._chain = EMPTY
        while self._chain.revision < head.seq:
            for record in self._journal.read(LEDGER_ID, self._chain.revision, READ_EVENTS_MAX):
                self._apply(record)
        self._unsaid = unsaid
        self._writing = self._writing_of(self._chain)

    @rpc
    def document(self, known_revision: int) -> bytes | None:
        """The document, or None where the caller's revision is the newest. Raises JournalError."""
        return self._as_owner(None if self._chain.revision == known_revision else self._document(known_revision))

    @rpc
    def put_stores(self, stores: Sequence[Store], known_revision: int = 0) -> bytes:
        """Add or replace shops, writing changed ones only; returns the document. Raises JournalError."""
        with self._lock:
            fresh = tuple(store for store in stores if self._chain.stores.get(store.store_id) != store)
            if fresh:
                self._append(stores_put(fresh, self._chain.calendars))
            return self._as_owner(self._document(known_revision))

    @rpc
    def set_policy(self, policy: Policy, expected_version: int, known_revision: int = 0) -> bytes | None:
        """Replace the policy; returns the document, or None where the version in force is not the expected one. A hot
        SKU that it limits within shops is demoted, also one that is announced: each shop counts what its customers hold
        there by itself.

        A policy equal to the one in force is accepted: the answer to the call that set it may be lost. Raises
        JournalError, and BeyondFormat.
        """
        with self._lock:
            in_force = self._chain.policy
            policy = replace(policy, version=in_force.version, paused=False)
            self._writing.require(policy)
            if policy != in_force:
                if expected_version not in (0, in_force.version):
                    return self._as_owner(None)
                for each in self._chain.hot.values():
                    if (each.is_open or each.announced) and policy.is_limited_in_shops(each.sku):
                        self._append(SkuDemoted(each.sku, self._clock.now_ms()))
                self._append(policy_set(self._chain, replace(policy, version=in_force.version + 1)))
            return self._as_owner(self._document(known_revision))

    @rpc
    def name_reader(self, name: str, everything: bool, known_revision: int = 0) -> bytes | None:
        """Name a reader of feeds, `everything` for one of all shops, as which it stays; returns the document, or None
        where there are too many. Raises JournalError.
        """
        with self._lock:
            known = self._chain.readers.get(name)
            if known is None and len(self._chain.readers) >= READERS_MAX:
                return self._as_owner(None)
            if known is None or everything > known.everything:
                self._append(ReaderNamed(name, everything))
            return self._as_owner(self._document(known_revision))

    @rpc
    def drop_reader(self, name: str, named: int, known_revision: int = 0) -> bytes | None:
        """Forget a reader's name that has this number; returns the document, also where that was done before and its
        answer is lost, or None where there was no such name. Raises JournalError.
        """
        with self._lock:
            known = self._chain.readers.get(name)
            if named > (known.named if known else self._chain.dropped.get(name, 0)):
                return self._as_owner(None)
            if known is not None and known.named == named:
                self._append(ReaderDropped(name))
            return self._as_owner(self._document(known_revision))

    @rpc
    def promote_sku(
        self, sku: str, from_ms: int, announced: bool, expected: int = ANY_REVISION, known_revision: int = 0
    ) -> bytes | None:
        """Give a SKU a ledger of its own; `announced` where an operator asks, who may do so for an instant to come.
        Returns the document, or None where there are too many, limits within shops apply to it, or the hot SKUs have
        changed since the `expected` revision, and it is not as asked for. Raises JournalError.
        """
        with self._lock:
            now_ms = self._clock.now_ms()
            hot = known_hot(self._chain.hot, now_ms)  # as they are after the event
            known = hot.get(sku, HotSku(sku))
            by_rate = sum(not each.announced for each in hot.values())
            if self._chain.policy.is_limited_in_shops(sku):
                return self._as_owner(None)
            begins = announced and from_ms > now_ms and not known.is_open
            done = known.is_open and (known.announced or not announced)
            if begins:
                done = known.announced and known.from_ms == from_ms
            if not done and expected not in (ANY_REVISION, self._chain.hot_revision):
                return self._as_owner(None)
            if sku not in hot and (len(hot) >= HOT_SKUS_MAX or (not announced and by_rate >= HOT_BY_RATE_MAX)):
                return self._as_owner(None)
            if begins:
                if not done:
                    self._append(SkuAnnounced(sku, from_ms, now_ms))
            elif not known.is_open or (announced and not known.announced):
                self._append(SkuPromoted(sku, announced, now_ms, token_hex(SEAL_BYTES)))
            return self._as_owner(self._document(known_revision))

    @rpc
    def open_announced(self, known_revision: int = 0) -> bytes:
        """Give SKUs their ledgers that were announced for now; returns the document. Raises JournalError."""
        with self._lock:
            now_ms = self._clock.now_ms()
            for each in self._chain.hot.values():
                if each.announced and not each.is_open and each.from_ms <= now_ms:
                    self._append(SkuPromoted(each.sku, True, now_ms, token_hex(SEAL_BYTES)))
            return self._as_owner(self._document(known_revision))

    @rpc
    def demote_sku(
        self, sku: str, by_operator: bool, expected: int = ANY_REVISION, known_revision: int = 0
    ) -> bytes | None:
        """Take its ledger from a SKU, or its announcement back; returns the document, also where there is nothing to
        take, or None where only an operator may, or the hot SKUs have changed since the `expected` revision. Raises
        JournalError.
        """
        with self._lock:
            known = self._chain.hot.get(sku)
            if known is not None and known.announced and not by_operator:
                return self._as_owner(None)
            if known is not None and (known.is_open or known.announced):
                if expected not in (ANY_REVISION, self._chain.hot_revision):
                    return self._as_owner(None)
                self._append(SkuDemoted(sku, self._clock.now_ms()))
            return self._as_owner(self._document(known_revision))

    @rpc
    def settle_format(self, is_new: bool) -> int:
        """The service's format, as of a start. One that is new begins with the newest. Raises JournalError."""
        with self._lock:
            if is_new and not self._chain.revision:
                self._append(FormatRaised(NEWEST))
            return self._as_owner(self._writing.number)

    def raise_format(self) -> tuple[int, int]:
        """Have the service write in the newest format from its next start on; no process of it may run. Returns the
        format before and after. Raises JournalError.
        """
        with self._lock:
            before = self._writing.number
            if before < NEWEST:
                self._append(FormatRaised(NEWEST))
            return before, self._as_owner(self._writing.number)

    @rpc
    def move_store(self, store_id: str, actor: str, source: str, known_revision: int = 0) -> bytes | None:
        """Have a shop move to an actor, from `source` where it has never moved; returns the document, also where it is
        there, or on its way. None where it is on its way to another, or not known. Raises JournalError.
        """
        with self._lock:
            known = self._chain.moves.get(store_id)
            if store_id not in self._chain.stores or (known and not known.is_done and known.actor != actor):
                return self._as_owner(None)
            lies_with = known.actor if known else source
            if lies_with != actor:
                self._append(StoreMoving(store_id, actor, lies_with))
            return self._as_owner(self._document(known_revision))

    @rpc
    def note_moved(self, store_id: str, move: int, known_revision: int = 0) -> bytes:
        """Note that a shop is served where that move was to take it; returns the document. Raises JournalError."""
        with self._lock:
            known = self._chain.moves.get(store_id)
            if known is not None and known.move == move and not known.is_done:
                self._append(StoreMoved(store_id))
            return self._as_owner(self._document(known_revision))

    @rpc
    def make_pickup_key(self, former: int, revokes: bool, known_revision: int = 0) -> bytes | None:
        """Sign pickup codes by a new key in place of the `former` one, 0 where there was none; `revokes`: what any key
        before it has signed is not good any more. Returns the document; None where another key signs, or there are too
        many that are good. Raises JournalError, and BeyondFormat.
        """
        with self._lock:
            made = PickupKeyMade(token_hex(SEED_BYTES), self._clock.now_ms(), revokes)
            return self._with_key(made, self._chain.pickup_keys, former, known_revision)

    @rpc
    def make_link_key(self, former: int, revokes: bool, known_revision: int = 0) -> bytes | None:
        """As `make_pickup_key`, for links to customers' pages."""
        with self._lock:
            made = LinkKeyMade(token_hex(SEED_BYTES), self._clock.now_ms(), revokes)
            return self._with_key(made, self._chain.link_keys, former, known_revision)

    @rpc
    def add_device(self, store_id: str, name: str, digest: str, known_revision: int = 0) -> bytes | None:
        """Let a device in by the token of this digest; returns the document, also where it is let in so already. None
        where the shop has another one of that name, the token is or was another's, or there are too many. Raises
        JournalError, and BeyondFormat.
        """
        with self._lock:
            now_ms = self._clock.now_ms()
            devices = devices_at(self._chain.devices, now_ms)
            known = devices.get(digest) or device_named(devices, store_id, name)
            if known is None and len(devices) < DEVICES_MAX:
                added = DeviceAdded(store_id, name, digest, now_ms)
                self._writing.require(added)
                self._append(added)
            elif known is None or not known.is_let_in_as(store_id, name, digest):
                return self._as_owner(None)
            return self._as_owner(self._document(known_revision))

    @rpc
    def revoke_device(self, number: int, known_revision: int = 0) -> bytes:
        """Let a device in no more; returns the document, also where there is none. Raises JournalError."""
        with self._lock:
            if any(each.number == number and not each.revoked_ms for each in self._chain.devices.values()):
                self._append(DeviceRevoked(number, self._clock.now_ms()))
            return self._as_owner(self._document(known_revision))

    def close(self) -> None:
        self._journal.close()

    def _with_key(
        self, made: PickupKeyMade | LinkKeyMade, keys: PickupKeys, former: int, known_revision: int
    ) -> bytes | None:
        if former != signing(keys) or (not made.revokes and len(keys_at(keys, made.at_ms)) >= PICKUP_KEYS_MAX):
            return self._as_owner(None)
        self._writing.require(made)
        self._append(made)
        return self._as_owner(self._document(known_revision))

    def _writing_of(self, chain: Chain) -> Writing:
        number = chain.format or self._unsaid
        if number > NEWEST:
            raise JournalNewer(LEDGER_ID, f"format {number}", f"this version knows formats up to {NEWEST}")
        return Writing(number)

    def _document(self, known_revision: int) -> bytes:
        return packed(self._chain.since(known_revision), self._writing.json)

    def _apply(self, record: Record) -> None:
        """Apply a record of the journal. Raises JournalDamaged."""
        place = f"seq {record.seq}"
        try:
            for event in _read_events(record.payload):
                self._chain = evolve_chain(self._chain, event)
        except NONSENSE as error:
            raise damage_of(LEDGER_ID, place, error) from error
        if self._chain.revision != record.seq:
            raise JournalDamaged(LEDGER_ID, place, f"its events end at {self._chain.revision}")

    def _as_owner(self, answer: T) -> T:
        """The answer, where this is still the owner: a replaced one knows no later changes. Raises JournalError."""
        try:
            self._journal.check_owner({LEDGER_ID: self._epoch})
        except JournalError as failure:
            self._end(failure)
            raise
        return answer

    def _append(self, event: ChainEvent) -> None:
        chain = evolve_chain(self._chain, event)
        writing = self._writing_of(chain)
        written = writing.json([event])
        try:
            self._journal.append([Record(LEDGER_ID, self._epoch, chain.revision, 1, self._clock.now_ms(), written)])
        except JournalError as failure:
            self._end(failure)
            raise
        self._chain, self._writing = chain, writing
