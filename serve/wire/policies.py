"""The policy between protobuf and the ledger's value."""

from typing import Any, Final

from msgspec.structs import asdict

from actors.core.policy import TTL_MS_CEILING, ChainLimitRule, LimitRule, Policy, TtlRule
from holdfast.v1 import store_pb2
from serve.wire import validation as va
from serve.wire.validation import Checked

_TOO_LONG: Final = "is longer than ttl_max; shorten it or raise ttl_max"


def fill_policy(policy: Policy, reply: store_pb2.Policy) -> None:
    """The policy as a message."""
    reply.version = policy.version
    reply.ttl_default.FromMilliseconds(policy.ttl_ms_default)
    reply.ttl_max.FromMilliseconds(policy.ttl_ms_max)
    reply.collect_within.FromMilliseconds(policy.collect_within_ms)
    for ttl_rule in policy.ttl_rules:
        row = reply.ttl_rules.add(channel=ttl_rule.channel, sku=ttl_rule.sku, store_id=ttl_rule.store_id)
        row.ttl.FromMilliseconds(ttl_rule.ttl_ms)
    for limit_rule in policy.limit_rules:
        reply.limit_rules.add(**asdict(limit_rule))
    for chain_rule in policy.chain_limit_rules:
        limit = reply.chain_limit_rules.add(
            channel=chain_rule.channel,
            sku=chain_rule.sku,
            open_reservations_max=chain_rule.open_reservations_max,
            units_max=chain_rule.units_max,
        )
        if chain_rule.collected_for_ms:
            limit.collected_for.FromMilliseconds(chain_rule.collected_for_ms)


def policy_of(request: store_pb2.Policy) -> Policy:
    """The policy of a request. Raises InvalidRequest."""
    checked = Checked("policy.")
    for name in ("ttl_rules", "limit_rules", "chain_limit_rules"):
        if getattr(request, name):
            checked.count(name, getattr(request, name), va.RULES_MAX)
    checked.raise_if_faulty()
    ttl_ms_max = checked.duration_ms("ttl_max", request.ttl_max)
    if checked.violations:
        ttl_ms_max = TTL_MS_CEILING  # one fault is told once, not of every time that is held against it
    ttl_ms_default = checked.duration_ms("ttl_default", request.ttl_default)
    collect_within_ms = checked.duration_ms("collect_within", request.collect_within)
    for field, ms in (("ttl_default", ttl_ms_default), ("collect_within", collect_within_ms)):
        if ms > ttl_ms_max:
            checked.fault(field, _TOO_LONG)
    policy = Policy(
        version=request.version,
        ttl_ms_default=ttl_ms_default,
        ttl_ms_max=ttl_ms_max,
        collect_within_ms=collect_within_ms,
        ttl_rules=_ttl_rules(checked, request.ttl_rules, ttl_ms_max),
        limit_rules=tuple(
            LimitRule(*_limit(checked, f"limit_rules[{index}]", rule)) for index, rule in enumerate(request.limit_rules)
        ),
        chain_limit_rules=tuple(
            _chain_limit(checked, f"chain_limit_rules[{index}]", rule)
            for index, rule in enumerate(request.chain_limit_rules)
        ),
    )
    checked.raise_if_faulty()
    return policy


def _ttl_rules(checked: Checked, rules: Any, ttl_ms_max: int) -> tuple[TtlRule, ...]:
    found = []
    for index, rule in enumerate(rules):
        field = f"ttl_rules[{index}]"
        ttl_ms = checked.duration_ms(f"{field}.ttl", rule.ttl)
        if ttl_ms > ttl_ms_max:
            checked.fault(f"{field}.ttl", _TOO_LONG)
        checked.text(f"{field}.channel", rule.channel, va.CHANNEL_CHARS_MAX, required=False)
        checked.text(f"{field}.sku", rule.sku, va.SKU_CHARS_MAX, required=False)
        if rule.store_id:
            checked.store_id(f"{field}.store_id", rule.store_id)
        found.append(TtlRule(rule.channel, rule.sku, rule.store_id, ttl_ms))
    return tuple(found)


def _limit(checked: Checked, field: str, rule: Any) -> tuple[str, str, int, int]:
    checked.text(f"{field}.channel", rule.channel, va.CHANNEL_CHARS_MAX, required=False)
    checked.text(f"{field}.sku", rule.sku, va.SKU_CHARS_MAX, required=False)
    checked.whole(f"{field}.open_reservations_max", rule.open_reservations_max, 0, va.QUANTITY_MAX)
    checked.whole(f"{field}.units_max", rule.units_max, 0, va.QUANTITY_MAX)
    return rule.channel, rule.sku, rule.open_reservations_max, rule.units_max


def _chain_limit(checked: Checked, field: str, rule: store_pb2.ChainLimitRule) -> ChainLimitRule:
    limit = _limit(checked, field, rule)
    counts = rule.HasField("collected_for")
    return ChainLimitRule(*limit, checked.duration_ms(f"{field}.collected_for", rule.collected_for) if counts else 0)
