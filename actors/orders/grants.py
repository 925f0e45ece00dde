"""Grants: what shops may hold for customers under limits of the whole chain, each for one call."""

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any, Final, TypeVar

from actors.core.ascending import Ascending
from actors.core.message import Message
from actors.orders.commands import RequestGrant
from actors.shop.commands import Lines

K = TypeVar("K")
Call = tuple[str, str, str, str, str, Lines]  # customer, shop, key, channel, basket and lines
_HELD: Final = "\nheld "


class Grant(Message, frozen=True, tag="grant_row"):
    """Units that a shop may hold for a customer under limits of the whole chain, by one call. All of its `lines` count
    until the shop reports its `reservation`; from then on what that holds and has handed over, by SKU, at the shop's
    `version`. It was `checked` for these SKUs.
    """

    number: int
    customer_id: str
    channel: str
    store_id: str
    call_key: str
    basket_id: str
    lines: Lines
    policy_version: int
    granted_at_ms: int
    replaces: int
    checked: tuple[str, ...]
    reservation: int = 0
    version: int = 0
    held: Lines = ()
    collected: Lines = ()
    collected_at_ms: int = 0
    moved_to: str = ""  # the shop, where the ledger of a hot SKU had it first, and the reservation has moved there

    @property
    def held_at(self) -> str:
        """The ledger that has the reservation."""
        return self.moved_to or self.store_id

    @property
    def call(self) -> Call:
        """What the grant was given for. One key with two contents is for the shop to refuse."""
        return self.customer_id, self.store_id, self.call_key, self.channel, self.basket_id, self.lines

    def holds(self) -> bool:
        """Whether the shop holds units by it, or may."""
        return has_units(self.held if self.reservation else self.lines)

    def is_settled(self) -> bool:
        """Whether the shop has reported that it holds nothing more by it."""
        return self.reservation > 0 and not self.holds()

    def outstanding(self) -> Lines:
        """Units by SKU that the shop may hand over."""
        return self.held if self.reservation else self.lines


def has_units(lines: Lines) -> bool:
    """Whether there is a unit in these lines."""
    for _, units in lines:  # noqa: SIM110  # sooner than `any`
        if units:
            return True
    return False


def held_key(reservation: int) -> str:
    """What stands for the call's key where a hold was counted that no call was granted; see `claim_key`."""
    return f"{_HELD}{reservation}"


def gone_key(store_id: str, reservation: int) -> str:
    """What is remembered of a hold that is gone, as long as a copy of what counted it may arrive; no call's key."""
    return f"{store_id}\n\n{reservation}"


def is_of_no_call(grant: Grant) -> bool:
    """True where it counts a hold that no call was granted."""
    return grant.call_key.startswith(_HELD)


def checked(asked: RequestGrant, replaced: Grant | None) -> tuple[str, ...]:
    """The SKUs of which a call may hold all that it asks for, once limits allow what is more: all of them where the
    ledger counts what is replaced, else those that the shop called more.
    """
    return tuple(sku for sku, _ in (asked.more if replaced is None else asked.lines))


class Grants:
    """The grants of a ledger, by number, and found by customer and by call."""

    __slots__ = ("by_basket", "by_call", "by_hold", "by_number", "of_customers", "unsettled")

    def __init__(self) -> None:
        self.by_number: MutableMapping[int, Grant] = {}
        self.of_customers: MutableMapping[str, dict[int, None]] = {}
        self.by_call: MutableMapping[Call, tuple[int, ...]] = {}  # of those by which something is held
        self.by_hold: MutableMapping[tuple[str, int], tuple[int, ...]] = {}  # by shop and reservation
        self.by_basket: MutableMapping[tuple[str, str, str], dict[int, None]] = {}  # by customer, shop and basket
        self.unsettled = Ascending()  # those that no shop has reported, the oldest first

    def __iter__(self) -> Iterator[Grant]:
        return iter(self.by_number.values())

    def get(self, number: int) -> Grant | None:
        """The grant of this number, None where there is none any more."""
        return self.by_number.get(number) if number else None

    def of(self, customer_id: str) -> Iterator[Grant]:
        """Yield the customer's grants."""
        return (self.by_number[number] for number in self.of_customers.get(customer_id, ()))

    def customers(self) -> Iterable[str]:
        """The customers who have grants."""
        return self.of_customers

    def of_call(self, asked: RequestGrant) -> Grant | None:
        """The grant that was given for the same call, None where there is none, or none any more. The first, where its
        shop was restored from a copy and holds by one again that had been collected, as another was given.
        """
        call = asked.customer_id, asked.store_id, asked.call_key, asked.channel, asked.basket_id, asked.lines
        return self.by_number[numbers[0]] if (numbers := self.by_call.get(call)) else None

    def of_basket(self, asked: RequestGrant) -> Grant | None:
        """The grant by which the shop holds units for the same basket, as last reported; another call's."""
        if not asked.basket_id:
            return None
        basket = asked.customer_id, asked.store_id, asked.basket_id
        for number in reversed(self.by_basket.get(basket, {})):
            grant = self.by_number[number]
            if grant.call_key != asked.call_key and has_units(grant.held):
                return grant
        return None

    def of_hold(self, store_id: str, reservation: int) -> list[Grant]:
        """The grants that a reservation holds by, or was collected by, as its shop reported; several while an amendment
        replaces one, or where a shop that was restored from a copy has given the number again.
        """
        return [self.by_number[number] for number in self.by_hold.get((store_id, reservation), ())]

    def of_reservation(self, customer_id: str, store_id: str, reservation: int) -> Grant | None:
        """The grant that a customer's reservation holds by, as its shop reported, or was collected by."""
        grants = [grant for grant in self.of_hold(store_id, reservation) if grant.customer_id == customer_id]
        return next((grant for grant in grants if grant.holds()), grants[0] if grants else None)

    def put(self, grant: Grant) -> Grant | None:
        """Store a new or changed grant, whose call never changes; what it was before."""
        number, reservation = grant.number, grant.reservation
        before = self.by_number.get(number)
        self.by_number[number] = grant
        if before is None:
            self.of_customers.setdefault(grant.customer_id, {})[number] = None
            if grant.basket_id:
                self.by_basket.setdefault(_basket_of(grant), {})[number] = None
        is_there = before is not None and (reservation, grant.moved_to) == (before.reservation, before.moved_to)
        if not is_there:
            if before is not None and before.reservation:
                _without(self.by_hold, (before.held_at, before.reservation), number)
            elif before is not None:
                self.unsettled.discard(number)
            if reservation:
                _with(self.by_hold, (grant.held_at, reservation), number)
            else:
                self.unsettled[number] = None
        held = before is not None and before.holds()
        if grant.holds():
            if not held:
                _with(self.by_call, grant.call, number)
        elif held:  # it was collected, and answers no call any more
            _without(self.by_call, grant.call, number)
        return before

    def drop(self, number: int) -> None:
        """Forget a grant by which nothing is held any more."""
        grant = self.by_number.pop(number)
        _leave(self.of_customers, grant.customer_id, number)
        if grant.basket_id:
            _leave(self.by_basket, _basket_of(grant), number)
        if grant.reservation:
            _without(self.by_hold, (grant.held_at, grant.reservation), number)
        else:
            self.unsettled.discard(number)
        if grant.holds():
            _without(self.by_call, grant.call, number)

    def copied(self) -> "Grants":
        """A copy that later events do not change."""
        copied = Grants()
        for grant in self:
            copied.put(grant)
        return copied

    def indexes(self) -> tuple[Any, ...]:
        """The indexes as plain values, for comparison: by customer, call, hold and basket, and what is unsettled."""
        return self.of_customers, self.by_call, self.by_hold, self.by_basket, self.unsettled


def _basket_of(grant: Grant) -> tuple[str, str, str]:
    return grant.customer_id, grant.store_id, grant.basket_id


def _with(index: MutableMapping[K, tuple[int, ...]], key: K, number: int) -> None:
    """Add a number, in ascending sequence. There is hardly ever another one."""
    others = index.get(key)
    index[key] = (number,) if others is None else tuple(sorted((*others, number)))


def _without(index: MutableMapping[K, tuple[int, ...]], key: K, number: int) -> None:
    """Remove a number, and the last one of a key with the key."""
    others = index[key]
    if others == (number,):
        del index[key]
    else:
        index[key] = tuple([other for other in others if other != number])


def _leave(index: MutableMapping[K, dict[int, None]], key: K, number: int) -> None:
    """Remove a number, and the last one of a key with the key."""
    del index[key][number]
    if not index[key]:
        del index[key]
