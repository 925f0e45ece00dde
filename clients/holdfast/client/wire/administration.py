"""Shops, policy, and the state of ledgers."""

from collections.abc import Iterable

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from holdfast.client.values.administration import (
    AffectedSlot,
    ChainLimitRule,
    Discrepancy,
    Health,
    LedgerStatus,
    LimitRule,
    OrdersVerification,
    Policy,
    Store,
    StoresPut,
    TtlRule,
    Verification,
)
from holdfast.client.wire.times import instant_ms, interval_ms, to_duration
from holdfast.v1 import admin_service_pb2 as service_pb2, store_pb2

_HEALTHS = {health.value: health for health in Health}


def store_from(message: store_pb2.Store) -> Store:
    """A shop as a value."""
    return Store(
        message.store_id,
        message.name,
        message.latitude,
        message.longitude,
        message.paused,
        tuple(message.channels),
        MessageToDict(message.hours, preserving_proto_field_name=True) if message.HasField("hours") else None,
    )


def to_store(store: Store) -> store_pb2.Store:
    """A shop as a message. Raises ValueError where its hours are not those of a message."""
    message = store_pb2.Store(
        store_id=store.store_id,
        name=store.name,
        latitude=store.latitude,
        longitude=store.longitude,
        paused=store.paused,
        channels=store.channels,
    )
    if store.hours is not None:
        try:
            ParseDict(store.hours, message.hours)
        except ParseError as error:
            raise ValueError(f"the hours of shop {store.store_id} cannot be read: {error}") from error
        message.hours.ClearField("holiday_dates")  # the service finds them anew
    return message


def stores_put_from(response: service_pb2.PutStoresResponse) -> StoresPut:
    """What putting shops did."""
    affected = tuple(
        AffectedSlot(row.store_id, instant_ms(row.slot_start), row.taken, row.capacity, tuple(row.reservation_ids))
        for row in response.affected
    )
    return StoresPut(response.chain_version, affected, response.affected_slots)


def policy_from(message: store_pb2.Policy) -> Policy:
    """The chain's rules as a value."""
    return Policy(
        ttl_default_ms=interval_ms(message.ttl_default),
        ttl_max_ms=interval_ms(message.ttl_max),
        collect_within_ms=interval_ms(message.collect_within),
        ttl_rules=tuple(
            TtlRule(interval_ms(rule.ttl), rule.channel, rule.sku, rule.store_id) for rule in message.ttl_rules
        ),
        limit_rules=tuple(
            LimitRule(rule.channel, rule.sku, rule.open_reservations_max, rule.units_max)
            for rule in message.limit_rules
        ),
        version=message.version,
        chain_limit_rules=tuple(
            ChainLimitRule(
                rule.channel, rule.sku, rule.open_reservations_max, rule.units_max, interval_ms(rule.collected_for)
            )
            for rule in message.chain_limit_rules
        ),
    )


def to_policy(policy: Policy) -> store_pb2.Policy:
    """The chain's rules as a message."""
    return store_pb2.Policy(
        version=policy.version,
        ttl_default=to_duration(policy.ttl_default_ms),
        ttl_max=to_duration(policy.ttl_max_ms),
        collect_within=to_duration(policy.collect_within_ms),
        ttl_rules=[
            store_pb2.TtlRule(channel=rule.channel, sku=rule.sku, store_id=rule.store_id, ttl=to_duration(rule.ttl_ms))
            for rule in policy.ttl_rules
        ],
        limit_rules=[
            store_pb2.LimitRule(
                channel=rule.channel,
                sku=rule.sku,
                open_reservations_max=rule.open_reservations_max,
                units_max=rule.units_max,
            )
            for rule in policy.limit_rules
        ],
        chain_limit_rules=[
            store_pb2.ChainLimitRule(
                channel=rule.channel,
                sku=rule.sku,
                open_reservations_max=rule.open_reservations_max,
                units_max=rule.units_max,
                collected_for=to_duration(rule.collected_for_ms) if rule.collected_for_ms else None,
            )
            for rule in policy.chain_limit_rules
        ],
    )


def ledger_status_from(message: service_pb2.GetLedgerStatusResponse) -> LedgerStatus:
    """Where a ledger stands, as a value."""
    return LedgerStatus(
        store_id=message.store_id,
        version=message.version,
        epoch=message.epoch,
        actor=message.actor,
        pid=message.pid,
        ledger_time_ms=instant_ms(message.ledger_time),
        open_reservations=message.open_reservations,
        positions=message.positions,
        remembered_answers=message.remembered_answers,
        snapshot_version=message.snapshot_version,
        replayed_events=message.replayed_events,
        recovery_ms=interval_ms(message.recovery),
        repeats_answered=message.repeats_answered,
        policy_version=message.policy_version,
        outbox=message.outbox,
    )


def verification_from(message: service_pb2.VerifyLedgerResponse) -> Verification:
    """What the journal says, as a value."""
    return Verification(
        store_id=message.store_id,
        version=message.version,
        holds=message.holds,
        discrepancies=_discrepancies(message.discrepancies),
        events=message.events,
        accepted=message.accepted,
        units_sold=message.units_sold,
        units_reserved=message.units_reserved,
        units_oversold=message.units_oversold,
        state_hash=message.state_hash,
    )


def orders_verification_from(message: service_pb2.VerifyOrdersResponse) -> OrdersVerification:
    """How orders and shops agree, as a value."""
    return OrdersVerification(
        holds=message.holds,
        discrepancies=_discrepancies(message.discrepancies),
        parts=message.parts,
        orders=message.orders,
        on_the_way=message.on_the_way,
        left_out=tuple(message.left_out),
    )


def _discrepancies(rows: Iterable[service_pb2.Discrepancy]) -> tuple[Discrepancy, ...]:
    return tuple(Discrepancy(row.invariant, row.subject, row.expected, row.found) for row in rows)


def health_request(service: str) -> bytes:
    """`grpc.health.v1.HealthCheckRequest` by hand, so that no package is needed for one string field."""
    name = service.encode()
    if len(name) >= 128:
        raise ValueError(f"the service's name is {len(name)} bytes; at most 127 are allowed")
    return b"\x0a" + bytes((len(name),)) + name if name else b""


def health_from(payload: bytes) -> Health:
    """`grpc.health.v1.HealthCheckResponse` by hand: one enum in field 1; absent means UNKNOWN."""
    if len(payload) >= 2 and payload[0] == 0x08:
        return _HEALTHS.get(payload[1], Health.UNKNOWN)
    return Health.UNKNOWN
