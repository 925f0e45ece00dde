"""The events of units and reservations between shops and the ledgers of hot SKUs; see `hot`."""

from typing import assert_never

from actors.core.message import Message
from actors.shop.commands import Reserve
from actors.shop.hot.units import MoveIn
from actors.shop.state import AnyReservation


class UnitsHanded(Message, frozen=True):
    """In the shop: units are the SKU's ledger's."""

    sku: str
    units: int


class UnitsTakenBack(Message, frozen=True):
    """In the shop: units are the shop's again."""

    sku: str
    units: int


class MovedIn(Message, frozen=True):
    """In the shop: a reservation is here, with its units. Its number is the version of this event."""

    command: MoveIn


class UnitsReceived(Message, frozen=True):
    """In the SKU's ledger: it has units of a shop."""

    store_id: str
    units: int


class UnitsGivenBack(Message, frozen=True):
    """In the SKU's ledger: it has them no more."""

    store_id: str
    units: int


class MovedOut(Message, frozen=True):
    """In the SKU's ledger: a reservation is on its way to its shop, with its units; `before` is all of it."""

    number: int
    before: AnyReservation


class MoveNoted(Message, frozen=True):
    """In the SKU's ledger: the shop has the reservation."""

    number: int


class WordsVoided(Message, frozen=True):
    """In the SKU's ledger: words of the shop of earlier pages, or generations, are none any more."""

    store_id: str
    page: int
    generation: int


class UnitsKept(Message, frozen=True):
    """In the SKU's ledger: somebody waits in line in the shop, so its units are available to nobody until it hands
    others.
    """

    store_id: str


class KeyCeded(Message, frozen=True):
    """In the SKU's ledger: it has too few units for this call, and cedes its key to the shop; see `Reserve.to_shop`."""

    command: Reserve


HotEvent = (
    UnitsHanded
    | UnitsTakenBack
    | MovedIn
    | UnitsReceived
    | UnitsGivenBack
    | MovedOut
    | MoveNoted
    | WordsVoided
    | UnitsKept
    | KeyCeded
)


def touched_by_hot(event: HotEvent) -> tuple[str, ...]:
    """As `events.touched_skus`; in the ledger of a SKU the names are of shops."""
    match event:
        case UnitsHanded() | UnitsTakenBack():
            return (event.sku,)
        case MovedIn():
            return (event.command.sku,)
        case UnitsReceived() | UnitsGivenBack() | UnitsKept():
            return (event.store_id,)
        case MovedOut():
            return (event.before.lines[0][0],)
        case MoveNoted() | WordsVoided() | KeyCeded():
            return ()
        case _:
            assert_never(event)
