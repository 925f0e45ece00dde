"""What is due in a customers' ledger of what a command or a question is about."""

from actors.core.due import About, Budget
from actors.orders import commands as cm, events as ev
from actors.orders.commands import key_of
from actors.orders.evolve import evolve
from actors.orders.state import CERTAIN, Order, OrderLedger, due_at_ms


def about_of(ledger: OrderLedger, command: cm.Command) -> About:
    """All that decides about a command and may fall due."""
    match command:
        case cm.Place():
            return About(customer_id=command.asked.customer_id)
        case cm.Open():
            pending = ledger.answers.pending.get(key_of(command), 0)
            basket = ledger.baskets.get((command.customer_id, command.basket_id), 0) if command.basket_id else 0
            return About((), (pending, basket), command.customer_id)
        case cm.RequestGrant() | cm.CountHold():
            return About(customer_id=command.customer_id)
        case cm.Amend() | cm.Replan():
            order = ledger.orders.get(command.number)
            return About((), (command.number,), "" if order is None else order.customer_id)
        case cm.NoteApplied():
            return About((), tuple([part.number for part in command.parts]))
        case cm.Refuse() | cm.ReportGrant():
            return About()
        case _:
            return About((), (command.number,))


def expire_first(ledger: OrderLedger, about: About, now_ms: int, budget: Budget) -> tuple[list[ev.Event], bool]:
    """Expire what is due of this, what is named by number in any case; the events, already applied, and whether nothing
    of it is due any more.
    """
    events: list[ev.Event] = []
    for number in about.numbers:
        named = ledger.orders.get(number)
        if named is not None and 0 < due_at_ms(named) <= now_ms:
            events.append(fallen_due(ledger, named, now_ms))
    mine = ledger.customers.get(about.customer_id, {}) if about.customer_id else {}
    if not budget.takes(len(mine)):
        return events, False
    due = [order for order in map(ledger.orders.__getitem__, mine) if 0 < due_at_ms(order) <= now_ms]
    due.sort(key=lambda order: (due_at_ms(order), order.number))
    events += [fallen_due(ledger, order, now_ms) for order in due[: budget.expired]]
    is_whole = len(due) <= budget.expired
    budget.expired -= min(len(due), budget.expired)
    return events, is_whole


def fallen_due(ledger: OrderLedger, order: Order, now_ms: int) -> ev.Event:
    """Expire an order, or abandon its attempt, at its due time; returns the event, already applied."""
    is_over = order.standing in CERTAIN and order.expires_at_ms <= now_ms
    event: ev.Event = ev.Expired(order.number) if is_over else ev.Abandoned(order.number, None)
    evolve(ledger, event, now_ms)
    return event
