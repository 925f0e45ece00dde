"""What the whole chain shares: its stores and its policy. Pure; `chain_actor` journals and serves it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Final
from zlib import compress, decompress

import msgspec
from msgspec.structs import replace

from actors.calendar.hours import ALWAYS_OPEN, Calendar
from actors.core.devices import Device, DeviceAdded, DeviceEvent, DeviceRevoked, Devices, devices_after
from actors.core.ids import HOT_PREFIX, is_customers, is_hot, sku_of_ledger
from actors.core.message import Message, Value, to_json
from actors.core.pickup_keys import LinkKeyMade, PickupKeyMade, PickupKeys, keys_after, signing
from actors.core.policy import ANSWER_MEMORY_MARGIN_MS, TTL_MS_CEILING, HotSku, Policy
from actors.core.stamps import stamp_of
from actors.core.store_moves import StoreMove, StoreMoved, StoreMoving, moved_by

HOT_SKUS_MAX: Final = 64  # known at once; each change of one is written into the journal of each shop
HOT_BY_RATE_MAX: Final = 32  # of these, so that operators find room whatever is asked for
READERS_MAX: Final = 64  # named at once; as many names that were dropped are known
# A hold that was made or extended while its SKU was hot is over by then, and what its ledger answered forgotten, under
# whatever policy: once the SKU is closed, an extended hold is its shop's.
CLOSED_MEMORY_MS: Final = TTL_MS_CEILING + ANSWER_MEMORY_MARGIN_MS
PACKED_LEVEL: Final = 3  # of 5,000 different calendars a ninth is left, in 50 ms; at 6 a twelfth, in 120 ms


class Store(Value, frozen=True):
    """One shop. Coordinates are in degrees, both None where unknown. A paused shop takes no new reservations.
    `channels` are those it serves, empty for all.

    `holiday_region` is where the calendar's holidays were taken from; no decision depends on it.
    """

    store_id: str
    name: str
    latitude: float | None
    longitude: float | None
    paused: bool
    channels: tuple[str, ...] = ()
    calendar: Calendar = ALWAYS_OPEN
    holiday_region: str = ""


class StoresPut(Message, frozen=True):
    """Shops were added or replaced. A calendar is said once, in the row of the first shop that has it; `hours` has by
    shop the hash of one that was said before, and the row of that shop is without.
    """

    stores: tuple[Store, ...]
    hours: dict[str, str] = msgspec.field(default_factory=dict)


class PolicySet(Message, frozen=True):
    """The policy was replaced. `kept` names its fields that are as they were, and are left out."""

    policy: Policy
    kept: tuple[str, ...] = ()


class ReaderNamed(Message, frozen=True):
    """A reader of feeds was given a name, for which what it has not seen is kept; `everything` for one of all shops."""

    name: str
    everything: bool


class ReaderDropped(Message, frozen=True):
    """Nothing is kept for a reader any more."""

    name: str


class NamedReader(Value, frozen=True):
    """A reader of feeds; `named` is the chain's revision that gave it the name, so that one of a former life is known
    apart. `everything` for one of all shops: it has seen nothing of those that it has not acknowledged yet.
    """

    named: int
    everything: bool


class SkuAnnounced(Message, frozen=True):
    """An operator wants a SKU to have a ledger of its own from an instant on."""

    sku: str
    from_ms: int
    at_ms: int


class SkuPromoted(Message, frozen=True):
    """A SKU has a ledger of its own from here on; `announced` where an operator said so. `seal`: as in HotSku."""

    sku: str
    announced: bool
    at_ms: int
    seal: str = ""


class SkuDemoted(Message, frozen=True):
    """A SKU has no ledger of its own any more, or is not to have one."""

    sku: str
    at_ms: int


class FormatRaised(Message, frozen=True):
    """From here on the service writes in this format; see `protocol.formats`. A chain that has none says the first."""

    number: int


HotEvent = SkuAnnounced | SkuPromoted | SkuDemoted
MoveEvent = StoreMoving | StoreMoved
LetIn = PickupKeyMade | LinkKeyMade | DeviceEvent
ChainEvent = StoresPut | PolicySet | ReaderNamed | ReaderDropped | HotEvent | FormatRaised | MoveEvent | LetIn


class ChainPart(Value, frozen=True, gc=True):
    """What of a chain changed after some revision, or concerns one actor; as JSON it is a *document*.

    `revision` is the chain's; in a part for an actor, that of the latest change which concerns it.
    """

    revision: int
    policy_revision: int
    policy: Policy | None  # None: as it was
    put: StoresPut
    shop_revisions: dict[str, int]
    readers: dict[str, NamedReader] | None = None  # None: as they were
    readers_revision: int = 0
    hot: dict[str, HotSku] | None = None  # None: as they were
    hot_revision: int = 0
    paused_stores: tuple[str, ...] | None = None  # to actors of hot SKUs alone
    moves: dict[str, StoreMove] = msgspec.field(default_factory=dict)  # that changed; to gateways alone
    pickup_keys: PickupKeys | None = None  # None: as they were; to gateways alone
    devices: tuple[Device, ...] | None = None  # likewise
    link_keys: PickupKeys | None = None  # likewise


class Chain(Value, frozen=True, dict=True, gc=True):
    """One revision of the chain's stores and policy. Every change increments the revision.

    `shop_revisions` has those at which the rules of single shops changed last, `put_revisions` those at which anything
    of them did. These are apart from the policy's version, or the pause of one shop would be new rules for all, which
    each writes into its journal. `calendars` are all that the chain's events have said, by their hash. `dropped` are
    names that readers had last, with their numbers.
    """

    revision: int
    stores: dict[str, Store]
    policy: Policy
    shop_revisions: dict[str, int] = msgspec.field(default_factory=dict)
    put_revisions: dict[str, int] = msgspec.field(default_factory=dict)
    policy_revision: int = 0
    calendars: dict[str, Calendar] = msgspec.field(default_factory=dict)
    readers: dict[str, NamedReader] = msgspec.field(default_factory=dict)
    readers_revision: int = 0
    dropped: dict[str, int] = msgspec.field(default_factory=dict)
    hot: dict[str, HotSku] = msgspec.field(default_factory=dict)  # by SKU
    hot_revision: int = 0
    paused_stores: tuple[str, ...] = ()  # as an actor of hot SKUs knows them, which knows no shops
    format: int = 0  # as the chain's actor knows it, 0 for one that is not said
    moves: dict[str, StoreMove] = msgspec.field(default_factory=dict)  # the last of each shop that has moved
    pickup_keys: PickupKeys = ()
    devices: Devices = msgspec.field(default_factory=dict)
    devices_revision: int = 0  # as the chain's actor knows it
    link_keys: PickupKeys = ()

    @cached_property
    def has_hours(self) -> bool:
        """True where some shop is not always open, or has pickup slots."""
        return any(store.calendar != ALWAYS_OPEN for store in self.stores.values())

    @cached_property
    def _paused(self) -> tuple[str, ...]:
        return tuple(store_id for store_id, store in self.stores.items() if store.paused)

    @cached_property
    def _policies(self) -> dict[str, Policy]:
        return {}

    def policy_of(self, ledger_id: str) -> Policy:
        """The policy of one ledger, cached: the chain's; for a shop what of it concerns the shop, with its calendar and
        whether it is paused.
        """
        policy = self._policies.get(ledger_id)
        if policy is None:
            store, policy = self.stores.get(ledger_id), self.policy
            is_shop = not is_customers(ledger_id) and not is_hot(ledger_id)
            policy = policy.of_shop(ledger_id) if is_shop else policy.of_no_shop()
            revision = self.shop_revisions.get(ledger_id, 0)
            if store is not None and (revision or _rules_of(store) != _rules_of(None)):
                policy = replace(policy, paused=store.paused, calendar=store.calendar, shop_revision=revision)
            if self.hot_revision and not is_customers(ledger_id):
                told = [each for each in self.hot.values() if each.generation]
                hot = tuple(replace(each, seal="" if is_hot(ledger_id) else stamp_of(ledger_id, each)) for each in told)
                policy = replace(policy, hot=hot, hot_revision=self.hot_revision)
            if is_hot(ledger_id):
                newest = max(self.shop_revisions.values(), default=0)
                policy = policy.of_hot(sku_of_ledger(ledger_id))
                policy = replace(policy, paused_stores=self.paused_stores or self._paused, shop_revision=newest)
            self._policies[ledger_id] = policy
        return policy

    def revision_for(self, store_ids: Iterable[str]) -> int:
        """The revision of the latest change that concerns an actor with these shops; 1 at least, where there is any.
        A shop that comes to it is such a change: its rules may be older than what the actor was told last.
        """
        own = [self.shop_revisions.get(store_id, 0) for store_id in store_ids]
        own += [self.moves[store_id].changed for store_id in store_ids if store_id in self.moves] if self.moves else []
        return max(min(1, self.revision), self.policy_revision, self.readers_revision, self.hot_revision, *own)

    def part_for(self, store_ids: Collection[str]) -> ChainPart:
        """All that an actor needs to know that has these shops; none: customers, whose orders are in any."""
        revisions = {each: self.shop_revisions[each] for each in store_ids if each in self.shop_revisions}
        policy = self.policy.of_shops(store_ids) if store_ids else self.policy
        put = stores_put([self.stores[each] for each in revisions], {})
        latest = self.revision_for(store_ids)
        of_readers = self.readers, self.readers_revision
        of_hot = self.hot, self.hot_revision
        return ChainPart(latest, self.policy_revision, policy, put, revisions, *of_readers, *of_hot)

    def part_for_hot(self) -> ChainPart:
        """All that an actor of hot SKUs needs to know: of the shops which of them are paused."""
        newest = max(self.shop_revisions.values(), default=0)
        part, latest = self.part_for(()), self.revision_for(self.shop_revisions)
        revisions = {HOT_PREFIX: newest} if newest else {}
        return replace(part, revision=latest, shop_revisions=revisions, paused_stores=self._paused)

    def since(self, revision: int) -> ChainPart:
        """What changed after a revision; all for one that this chain does not have."""
        revision = revision if revision <= self.revision else 0
        put = [self.stores[each] for each, at in self.put_revisions.items() if at > revision]
        policy = self.policy if self.policy_revision > revision else None
        revisions = {each: at for each, at in self.shop_revisions.items() if at > revision}
        readers, at = self.readers if self.readers_revision > revision else None, self.readers_revision
        hot = self.hot if self.hot_revision > revision else None
        part = ChainPart(self.revision, self.policy_revision, policy, stores_put(put, {}), revisions, readers, at)
        moves = {each: move for each, move in self.moves.items() if move.changed > revision}
        keys = self.pickup_keys if signing(self.pickup_keys) > max(revision, 0) else None
        devices = tuple(self.devices.values()) if self.devices_revision > max(revision, 0) else None
        links = self.link_keys if signing(self.link_keys) > max(revision, 0) else None
        part = replace(part, hot=hot, hot_revision=self.hot_revision, moves=moves)
        return replace(part, pickup_keys=keys, link_keys=links, devices=devices)

    def with_part(self, part: ChainPart) -> "Chain":
        """This chain with what a part says of a later revision."""
        return Chain(
            part.revision,
            _merged(self.stores, _rows_of(part.put, {})),
            part.policy or self.policy,
            {**self.shop_revisions, **part.shop_revisions},
            policy_revision=part.policy_revision,
            readers=self.readers if part.readers is None else part.readers,
            readers_revision=part.readers_revision,
            hot=self.hot if part.hot is None else part.hot,
            hot_revision=part.hot_revision,
            paused_stores=self.paused_stores if part.paused_stores is None else part.paused_stores,
            moves={**self.moves, **part.moves},
            pickup_keys=self.pickup_keys if part.pickup_keys is None else part.pickup_keys,
            devices=self.devices if part.devices is None else {each.digest: each for each in part.devices},
            link_keys=self.link_keys if part.link_keys is None else part.link_keys,
        )


ANY_REVISION: Final = -1  # where a change is not based on one of the hot SKUs
EMPTY: Final = Chain(0, {}, Policy(version=1))


def stores_put(stores: Iterable[Store], known: Mapping[str, Calendar]) -> StoresPut:
    """The event that puts these shops where these calendars have been said."""
    rows: list[Store] = []
    hours: dict[str, str] = {}
    said = set(known)
    for store in stores:
        row, calendar = store, store.calendar
        if calendar != ALWAYS_OPEN:
            if calendar.content_hash in said:
                hours[store.store_id] = calendar.content_hash
                row = replace(store, calendar=ALWAYS_OPEN)
            said.add(calendar.content_hash)
        rows.append(row)
    return StoresPut(tuple(rows), hours)


def policy_set(chain: Chain, policy: Policy) -> PolicySet:
    """The event that replaces the chain's policy."""
    return PolicySet(*policy.apart_from(chain.policy))


def evolve_chain(chain: Chain, event: ChainEvent) -> Chain:
    """Return the chain after the event, with the next revision. Raises KeyError for a calendar that nobody has said."""
    revision = chain.revision + 1
    match event:
        case StoresPut():
            calendars = dict(chain.calendars)
            stores = _rows_of(event, calendars)
            put = {each.store_id: revision for each in stores}
            changed = {
                each.store_id: revision
                for each in stores
                if _rules_of(each) != _rules_of(chain.stores.get(each.store_id))
            }
            return replace(
                chain,
                revision=revision,
                stores=_merged(chain.stores, stores),
                shop_revisions=chain.shop_revisions | changed,
                put_revisions=chain.put_revisions | put,
                calendars=calendars,
            )
        case PolicySet(policy, kept):
            policy = policy.with_kept(chain.policy, kept)
            return replace(chain, revision=revision, policy=policy, policy_revision=revision)
        case ReaderNamed(name, everything):
            known = chain.readers.get(name)
            readers = chain.readers | {name: NamedReader(known.named if known else revision, everything)}
            return replace(chain, revision=revision, readers=readers, readers_revision=revision)
        case ReaderDropped(name):
            readers = {each: reader for each, reader in chain.readers.items() if each != name}
            dropped = [(each, named) for each, named in chain.dropped.items() if each != name]
            dropped = [*dropped, (name, chain.readers[name].named)][-READERS_MAX:]
            return replace(chain, revision=revision, readers=readers, readers_revision=revision, dropped=dict(dropped))
        case FormatRaised(number):
            return replace(chain, revision=revision, format=number)
        case SkuAnnounced() | SkuPromoted() | SkuDemoted():
            return replace(chain, revision=revision, hot=_heated(chain, event, revision), hot_revision=revision)
        case StoreMoving() | StoreMoved():
            return replace(chain, revision=revision, moves=moved_by(chain.moves, event, revision))
        case PickupKeyMade():
            return replace(chain, revision=revision, pickup_keys=keys_after(chain.pickup_keys, event, revision))
        case LinkKeyMade():
            return replace(chain, revision=revision, link_keys=keys_after(chain.link_keys, event, revision))
        case DeviceAdded() | DeviceRevoked():
            devices = devices_after(chain.devices, event, revision)
            return replace(chain, revision=revision, devices=devices, devices_revision=revision)


def known_hot(rows: Mapping[str, HotSku], at_ms: int) -> dict[str, HotSku]:
    """The hot SKUs that are still known at an instant; one that was closed, for CLOSED_MEMORY_MS."""
    forget_ms = at_ms - CLOSED_MEMORY_MS
    return {
        sku: row
        for sku, row in sorted(rows.items())
        if row.is_open or row.announced or (row.generation and row.closed_ms > forget_ms)
    }


def _heated(chain: Chain, event: HotEvent, revision: int) -> dict[str, HotSku]:
    """The hot SKUs after an event."""
    at_ms = event.at_ms
    known = chain.hot.get(event.sku, HotSku(event.sku))
    match event:
        case SkuAnnounced(_, from_ms):
            now = replace(known, announced=True, from_ms=known.from_ms if known.is_open else from_ms)
        case SkuPromoted(_, announced, _, seal):
            announced = announced or known.announced
            begun = HotSku(event.sku, revision, True, at_ms, 0, announced, seal)
            now = replace(known, announced=announced) if known.is_open else begun
        case _:
            closed = replace(known, generation=revision, is_open=False, closed_ms=at_ms, seal="")
            now = replace(closed if known.is_open else known, from_ms=0, announced=False)
    return known_hot({**chain.hot, event.sku: now}, at_ms)


def _rows_of(event: StoresPut, calendars: dict[str, Calendar]) -> list[Store]:
    """The shops that an event puts, each with its calendar; those said here for the first time are added."""
    stores: list[Store] = []
    for store in event.stores:
        calendar = ALWAYS_OPEN
        if store.store_id in event.hours:
            calendar = calendars[event.hours[store.store_id]]
        elif store.calendar != ALWAYS_OPEN:
            calendar = calendars.setdefault(store.calendar.content_hash, store.calendar)
        stores.append(replace(store, calendar=calendar))  # one object for all who have the same
    return stores


def _merged(stores: dict[str, Store], changed: list[Store]) -> dict[str, Store]:
    merged = stores | {each.store_id: each for each in changed}
    return merged if len(merged) == len(stores) else dict(sorted(merged.items()))


def _rules_of(store: Store | None) -> tuple[bool, Calendar]:
    return (False, ALWAYS_OPEN) if store is None else (store.paused, store.calendar)


def packed(part: ChainPart, encode: Callable[[ChainPart], bytes] = to_json) -> bytes:
    """The document of what changed, as a gateway is sent it: hours repeat themselves, also those of different shops."""
    return compress(encode(part), PACKED_LEVEL)


def part_from_packed(document: bytes) -> ChainPart:
    """Read such a document."""
    return part_from_document(decompress(document))


part_from_document: Final[Callable[[bytes], ChainPart]] = msgspec.json.Decoder(ChainPart).decode  # of `to_json`
