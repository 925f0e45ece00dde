"""A customers' ledger's decisions about grants: what shops may hold, and what they say that they hold.

What a shop says may come late: after the word of an amendment that replaced this grant, or after the word that nothing
is left of the reservation. A shop that was restored from a copy gives its numbers and versions once more, so neither
these nor the numbers of grants tell a late word from one of such a shop. What may be late is *doubted*: nothing is
recorded, and the grant counts in full until its shop was asked. What a shop says when it is asked after that is so.
"""

from actors.core.ids import is_hot
from actors.core.rejection import Reason, Rejection
from actors.core.transact import Decision
from actors.orders import commands as cm, events as ev
from actors.orders.grants import Grant, checked, gone_key, has_units, is_of_no_call
from actors.orders.limits import grant_over_limit
from actors.orders.state import OrderLedger


def decide_request_grant(ledger: OrderLedger, command: cm.RequestGrant, now_ms: int) -> Decision:
    """The same call is granted once, unless the limits have changed, or what it replaces, before its shop decided."""
    again = ledger.grants.of_call(command)
    replaced = _replaced(ledger, command)
    if again is not None:
        as_before = again.policy_version == ledger.policy.version and again.replaces == _number_of(replaced)
        if again.reservation or (as_before and again.checked == checked(command, replaced)):
            return ()
    refusal = grant_over_limit(ledger, command, replaced, again, now_ms)
    return refusal or (ev.Granted(command, _number_of(again), _number_of(replaced)),)


def _replaced(ledger: OrderLedger, asked: cm.RequestGrant) -> Grant | None:
    """The grant of what the call replaces or amends; its shop may not have heard yet that its hold is counted."""
    grants = ledger.grants
    amended = grants.get(asked.replaces)
    if amended is None and asked.reservation:
        amended = grants.of_reservation(asked.customer_id, asked.store_id, asked.reservation)
    return amended or grants.of_basket(asked)


def _number_of(grant: Grant | None) -> int:
    return 0 if grant is None else grant.number


def decide_count_hold(ledger: OrderLedger, hold: cm.CountHold) -> Decision:
    """A hold is counted once: told again, it is a report of that. One of which nothing is left is noted, as what was
    told of it before may come later.
    """
    known = ledger.grants.of_reservation(hold.customer_id, hold.store_id, hold.reservation)
    if known is not None and (is_of_no_call(known) or hold.version >= known.version):
        of = known.number, hold.reservation, hold.version
        report = cm.ReportGrant(*of, hold.held, hold.collected, hold.store_id, hold.as_of)
        return decide_report_grant(ledger, report)
    if not _may_be_late(ledger, hold.store_id, hold.reservation, hold.version, hold.as_of):
        return (ev.HoldCounted(hold),)
    return _doubted(ledger) if has_units(hold.held) or has_units(hold.collected) else ()


def decide_report_grant(ledger: OrderLedger, report: cm.ReportGrant) -> Decision:
    """What changes nothing is no event; what may be late is doubted."""
    grant = ledger.grants.get(report.number)
    if grant is None:
        return ()
    says = report.store_id or grant.store_id
    if says != grant.held_at and (not is_hot(grant.held_at) or is_hot(says) or not report.reservation):
        return ()  # it had moved before this was said
    if not report.reservation:  # a shop that was restored from a copy has lost what it has reported, which counts on
        return () if grant.reservation else (ev.GrantReported(report),)
    if (says, report.reservation) == (grant.held_at, grant.reservation):
        if report.version == grant.version:
            return ()
        is_late = report.version < grant.version and not report.as_of
    else:  # where such a shop is asked again, it holds under another number; that nothing is held by a grant stays so
        of = says, report.reservation, report.version, report.as_of
        is_late = has_units(report.held) and _may_be_late(ledger, *of)
    return _doubted(ledger) if is_late else (ev.GrantReported(report),)


def _may_be_late(ledger: OrderLedger, store_id: str, reservation: int, version: int, as_of: int) -> bool:
    """Whether a shop may have said this of a reservation before what is known of it: that it holds by another grant, or
    that nothing was left of it, or has moved, or is lost as an operator said. `as_of`: the version of this ledger after
    which the shop was asked, 0 where it was not. Raises Unread.
    """
    others = ledger.grants.of_hold(store_id, reservation)
    if not as_of and any(other.version > version for other in others):
        return True
    noted = ledger.answers.noted(gone_key(store_id, reservation))
    return any(
        isinstance(gone, cm.BarClaim) or gone.store_id not in ("", store_id) or version <= gone.version
        for at, gone in noted
        if at > as_of
    )


def _doubted(ledger: OrderLedger) -> Rejection:
    """That the shop is to be asked, with the version of this ledger after which it is."""
    return Rejection(Reason.ORDER_UNDECIDED, number=ledger.version)
