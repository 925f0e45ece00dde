"""The pure functions of a ledger, by its name; a service knows them by the kind of the actor."""

from actors.core.ids import is_customers
from actors.runtime.kinds import CUSTOMERS, SHOP, Core


def core_of(ledger_id: str) -> Core:
    """A shop's, or those of customers."""
    return CUSTOMERS if is_customers(ledger_id) else SHOP
