"""What a channel may take: what is available to everybody, and what is left of its own quotas. While somebody of the
channel waits for a SKU, what is left is kept for who waits.

A hold that takes from a quota has it drawn first, by an event before its own: so the units are available when it takes
them. What it gives back goes to the quotas first, as long as these are open, up to what was drawn.
"""

from collections.abc import Iterator

from actors.core.rejection import Reason, Rejection
from actors.shop.allotments.allotment import Allotment, Allotments, AllottedLine, Drawn, HolderKind
from actors.shop.commands import Lines, by_sku
from actors.shop.events import QuotaDrawn
from actors.shop.preconditions import NONE, given_back_by, short_of_stock
from actors.shop.state import Claims, Ledger, Reservation

Quota = tuple[Allotment, AllottedLine]


def beyond_stock(
    ledger: Ledger,
    channel: str,
    demand: Lines,
    replaced: Reservation | None,
    amended: Reservation | None = None,
    without: Claims = NONE,
) -> Rejection | tuple[QuotaDrawn, ...]:
    """As `short_of_stock`, with the channel's quotas: refuse, or say what is drawn, for `amended`, which keeps what it
    has, or for the reservation that is made then. Of several quotas, what is older is drawn first.
    """
    if not ledger.allotments.quotas:
        return short_of_stock(ledger, demand, replaced, amended, without) or ()
    has = {} if amended is None else dict(by_sku(amended.held_lines()))
    given_back = given_back_by(ledger, replaced)
    returned = _returned(ledger, replaced, given_back)
    for claim in without.values():
        for sku, units in claim.held_lines():
            given_back[sku] = given_back.get(sku, 0) + units
    short: list[tuple[str, int, int]] = []
    drawn: list[tuple[int, str, int]] = []
    unknown = ""
    for sku, asked in demand:
        position = ledger.positions.get(sku)
        if position is None:
            unknown = unknown or sku
            short.append((sku, asked, 0))
            continue
        quotas = list(_quotas(ledger.allotments, channel, sku))
        left = {each.number: line.left for each, line in quotas}
        back = given_back.get(sku, 0) - sum(units for (_, its), units in returned.items() if its == sku)
        free = position.available - ledger.kept(sku, position.available) + back
        if is_kept(ledger, channel, sku):  # but for what falls short elsewhere
            free, left = back + min(0, position.available + sum(left.values())), dict.fromkeys(left, 0)
        left = {number: units + returned.get((number, sku), 0) for number, units in left.items()}
        more, most = asked - has.get(sku, 0), free + sum(left.values())
        if more > most:
            short.append((sku, asked, max(0, most + has.get(sku, 0))))
            continue
        drawn += _drawn(quotas, left, sku, more, free)
    if short:
        sku, asked, available = next(row for row in short if row[0] == unknown) if unknown else short[0]
        reason = Reason.SKU_NOT_STOCKED if unknown else Reason.INSUFFICIENT_STOCK
        return Rejection(reason, sku, asked, available, short_lines=tuple(short))
    if not drawn:
        return ()
    comes_after = 2 if replaced is None else 3  # its number is the version of its event, behind this and a release
    return (QuotaDrawn(ledger.version + comes_after if amended is None else amended.number, tuple(drawn)),)


def _drawn(quotas: list[Quota], left: dict[int, int], sku: str, more: int, free: int) -> Iterator[tuple[int, str, int]]:
    """Yield what so many more units draw from quotas of which so much is `left`, where everybody may have `free`."""
    first = sum(left[each.number] for each, _ in quotas if each.quota_first)
    wanted = max(more - max(0, free), min(more, first))
    for each, _ in sorted(quotas, key=lambda row: not row[0].quota_first):
        units = min(wanted, left[each.number])
        wanted -= units
        if units:
            yield each.number, sku, units


def is_kept(ledger: Ledger, channel: str, sku: str) -> bool:
    """Whether what is left of a channel's quotas is kept for those of the channel who wait."""
    line = ledger.lines.get(sku)
    return line is not None and channel in line.channels and not ledger.policy.line_may_pass


def left_by_channel(tables: Allotments, sku: str) -> dict[str, int]:
    """What is left of open quotas of a SKU, of the channels that have any."""
    left: dict[str, int] = {}
    for each, line in tables.live_of(sku, HolderKind.CHANNEL) if tables.quotas else ():
        if line.left:
            left[each.holder] = left.get(each.holder, 0) + line.left
    return left


def drawn_in_line(ledger: Ledger, waiting: Reservation, free: int) -> tuple[QuotaDrawn, ...]:
    """What one that waits draws from its channel's quotas to be served, where it may have `free` besides."""
    ((sku, units),) = waiting.lines
    quotas = list(_quotas(ledger.allotments, waiting.channel, sku))
    drawn = tuple(_drawn(quotas, {each.number: line.left for each, line in quotas}, sku, units, free))
    return (QuotaDrawn(waiting.number, drawn),) if drawn else ()


def _quotas(tables: Allotments, channel: str, sku: str) -> Iterator[Quota]:
    return ((each, line) for each, line in tables.live_of(sku, HolderKind.CHANNEL) if each.holder == channel)


def _returned(ledger: Ledger, replaced: Reservation | None, units: dict[str, int]) -> dict[tuple[int, str], int]:
    """What of these units goes to open quotas when the reservation gives them back, by allotment and SKU."""
    drawn = () if replaced is None else ledger.allotments.drawn.get(replaced.number, ())
    return {(number, sku): back for number, sku, back, _ in returned(ledger.allotments, drawn, units) if back}


def returned(tables: Allotments, drawn: Drawn, units: dict[str, int]) -> Iterator[tuple[int, str, int, int]]:
    """Yield (allotment, SKU, units that go back to it, units that stay drawn) where these units are given back."""
    back = dict(units)
    for number, sku, taken in drawn:
        quota = tables.rows.get(number)
        units_back = min(taken, back.get(sku, 0)) if quota is not None and quota.is_live else 0
        if units_back:
            back[sku] -= units_back
        yield number, sku, units_back, taken - units_back
