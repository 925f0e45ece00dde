"""Shops, the chain's policy, the state of a ledger, and the service's health."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from holdfast.client.wire_types import enum_reader, reader, to_fields, to_message
from holdfast.v1 import enums, store_pb2

LosesFirst = enums.LosesFirst

# Ledgers of orders and of limits over the chain: each keeps a share of the customers. Their number never changes.
CUSTOMERS_LEDGERS: Final = tuple(f"customers/{slot:04d}" for slot in range(64))


class Health(IntEnum):
    """What `grpc.health.v1` says of the service."""

    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2
    SERVICE_UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Store:
    """One shop. `paused` takes no new reservations; latitude and longitude are degrees, both None where it has no
    place: then it is reserved in by name, and never found by place.

    `channels` are those that it serves, none: all. `hours` is `holdfast.v1.Hours` in its JSON form, None where the shop
    names none; to change something else, send back what was read.
    """

    store_id: str
    name: str = ""
    latitude: float | None = None
    longitude: float | None = None
    paused: bool = False
    channels: tuple[str, ...] = ()
    hours: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AffectedSlot:
    """A pickup slot that is taken and that its shop has too little room for: it has `capacity` places now.

    `reservation_ids` are those that have the places, oldest first, at most 100. Nothing was done to them.
    """

    store_id: str
    slot_start_ms: int
    taken: int
    capacity: int
    reservation_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoresPut:
    """The chain's version once shops were put, and their taken slots that they have too little room for, by shop and
    time. At most 1,000 are listed; `affected_slots` counts all. `pending` are shops that have not adopted it yet, as
    they did not answer or are stopped: what of theirs is affected is told once they are put again; at most 100 of
    `pending_count`.
    """

    chain_version: int
    affected: tuple[AffectedSlot, ...]
    affected_slots: int
    pending: tuple[str, ...] = ()
    pending_count: int = 0


@dataclass(frozen=True, slots=True)
class TtlRule:
    """How long a hold lasts where channel, SKU and shop fit; an empty field fits all."""

    ttl_ms: int
    channel: str = ""
    sku: str = ""
    store_id: str = ""


@dataclass(frozen=True, slots=True)
class LimitRule:
    """What one customer may hold within one shop; zero sets no limit, an empty field fits all."""

    channel: str = ""
    sku: str = ""
    open_reservations_max: int = 0
    units_max: int = 0


@dataclass(frozen=True, slots=True)
class ChainLimitRule(LimitRule):
    """The same over the whole chain. Units that were collected go on counting for `collected_for_ms`."""

    collected_for_ms: int = 0


@dataclass(frozen=True, slots=True)
class LineRule:
    """What holds for lines in one shop, in place of the chain's; None leaves it the chain's time to take units up."""

    store_id: str
    may_pass: bool = False
    take_up_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PickRule:
    """Whether one shop picks, and sells what was picked again only once it is put back, in place of the chain's."""

    store_id: str
    picks: bool = False
    put_back_first: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """The chain's rules. To change them, send back what was read, its `version` included. Of lines, None and zero leave
    the service's own: a day, and a thousand places of one SKU in one shop; UNSPECIFIED is LOWEST_STATUS.
    """

    ttl_default_ms: int
    ttl_max_ms: int
    collect_within_ms: int
    ttl_rules: tuple[TtlRule, ...] = ()
    limit_rules: tuple[LimitRule, ...] = ()
    version: int = 0
    chain_limit_rules: tuple[ChainLimitRule, ...] = ()
    line_wait_max_ms: int | None = None
    line_places_max: int = 0
    line_may_pass: bool = False
    loses_first: LosesFirst = LosesFirst.UNSPECIFIED
    losers_wait: bool = False
    line_take_up_ms: int | None = None
    line_rules: tuple[LineRule, ...] = ()
    picks: bool = False
    pick_rules: tuple[PickRule, ...] = ()
    put_back_first: bool = False
    returns_within_ms: int | None = None
    promise_in_transit: bool = False


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policy once it was set. It binds every ledger where nobody is `pending`: shops, or customers' actors, at most
    100 of `pending_count`. Limits over all shops do not count `uncounted_reservations` from before yet.
    """

    policy: Policy
    pending: tuple[str, ...]
    pending_count: int
    uncounted_reservations: int


@dataclass(frozen=True, slots=True)
class LedgerStatus:
    """Where a ledger stands and who writes it; see `GetLedgerStatusResponse` for each field."""

    store_id: str
    version: int
    epoch: int
    actor: str
    pid: int
    ledger_time_ms: int
    open_reservations: int
    positions: int
    remembered_answers: int
    snapshot_version: int
    replayed_events: int
    recovery_ms: int
    repeats_answered: int
    policy_version: int
    outbox: int = 0
    sealed_version: int = 0
    accepted_loss: str = ""
    format: int = 0
    moving_to: str = ""


@dataclass(frozen=True, slots=True)
class StoreMove:
    """Which actor has a shop, and which one it came from; `move` is the chain's version that began it. Where the shop
    has never moved these are the same, and that is 0.
    """

    store_id: str
    actor: str
    source: str
    move: int


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing on which the journal and the ledger do not agree."""

    invariant: str
    subject: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Verification:
    """A ledger computed again from its journal; `holds` where everything agrees. Units are of stock. Version 0 is a
    customers' ledger that has not begun. Where the archive is not there, the state at `trusted_version` was taken on
    trust, and the records after `archived_version` were verified.
    """

    store_id: str
    version: int
    holds: bool
    discrepancies: tuple[Discrepancy, ...]
    events: int
    accepted: int
    units_sold: int
    units_reserved: int
    units_oversold: int
    state_hash: str
    trusted_version: int = 0
    trusted_state_hash: str = ""
    archived_version: int = 0
    archived_sha256: str = ""


@dataclass(frozen=True, slots=True)
class BarredClaim:
    """A claim that will never be committed, or by `attempt` 0 a grant that will never be held by, as an operator said
    first, and when.
    """

    order_id: str
    attempt: int
    operator: str
    why: str
    barred_at_ms: int


@dataclass(frozen=True, slots=True)
class Reader:
    """A named reader of feeds: of all shops, or of those that it has acknowledged. `behind` counts events; `keeps` are
    ledgers of which it keeps more sealed files than the operator's setting says. `number` is that of its name.
    """

    name: str
    all_stores: bool
    behind: int
    furthest_ledger: str
    furthest_behind: int
    keeps: tuple[str, ...]
    number: int


@dataclass(frozen=True, slots=True)
class Readers:
    """The named readers of feeds, by name; `left_out` are ledgers and actors of which nothing is known."""

    readers: tuple[Reader, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HotSku:
    """A SKU that has a ledger of its own where `open`, is announced for one, or had one lately. `starts_at_ms` is since
    when, or from when on; `closed_at_ms` since when no more; each None where it is not so.
    """

    sku: str
    open: bool
    announced: bool
    starts_at_ms: int | None
    closed_at_ms: int | None


@dataclass(frozen=True, slots=True)
class NotCompared:
    """How many comparisons need records of a ledger that are in an archive that is not there, up to a version."""

    ledger_id: str
    archived_version: int
    count: int


@dataclass(frozen=True, slots=True)
class OrdersVerification:
    """Orders compared with the parts that shops have of them; `holds` where nothing contradicts. `left_out` are ledgers
    that are stopped, `on_the_way` counts what was changed since, or is not heard yet.
    """

    holds: bool
    discrepancies: tuple[Discrepancy, ...]
    parts: int
    orders: int
    on_the_way: int
    left_out: tuple[str, ...]
    barred: tuple[BarredClaim, ...] = ()
    not_compared: tuple[NotCompared, ...] = ()


def _hours_from(message: store_pb2.Store) -> dict[str, Any] | None:
    return MessageToDict(message.hours, preserving_proto_field_name=True) if message.HasField("hours") else None


store_from = reader(Store, hours=_hours_from)
stores_put_from = reader(StoresPut)
policy_from = reader(Policy)
policy_set_from = reader(PolicySet)
ledger_status_from = reader(LedgerStatus)
verification_from = reader(Verification)
orders_verification_from = reader(OrdersVerification)
barred_from = reader(BarredClaim)
readers_from = reader(Readers)
hot_sku_from = reader(HotSku)
health_from = enum_reader(Health)


def to_store(store: Store) -> store_pb2.Store:
    """A shop as a message. Raises ValueError where its hours are not those of a message."""
    message = to_message(store_pb2.Store, **{**to_fields(store), "hours": None})
    if store.hours is not None:
        try:
            ParseDict(store.hours, message.hours)
        except ParseError as error:
            raise ValueError(f"the hours of shop {store.store_id} cannot be read: {error}") from error
        message.hours.ClearField("holiday_dates")  # the service finds them anew
    return message


def to_policy(policy: Policy) -> store_pb2.Policy:
    """The chain's rules as a message."""
    message = to_message(store_pb2.Policy, **to_fields(policy))
    for rule in message.chain_limit_rules:
        if not rule.collected_for.ToNanoseconds():
            rule.ClearField("collected_for")
    return message
