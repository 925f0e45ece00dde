"""What the naive model says of goods that come back: unit by unit, of what was sold and has not come back."""

from typing import TYPE_CHECKING

from actors.core.status import Status
from actors.shop.returns.sale_return import Return
from tests.shop.model_books import LIVE, Move, Outcome, Reservation

if TYPE_CHECKING:
    from tests.shop.model import Model


def take_back(model: "Model", of: Reservation, said: Return, now_ms: int) -> Outcome:
    """Take units back, from the first line on; those that are unsellable are on hand for no moment."""
    if of.status is Status.CLAIMED or of.status not in (*LIVE, Status.COLLECTED):
        return ("no", "TRANSITION_NOT_ALLOWED")
    left = [(line.sku, line.sold - line.came) for line in of.lines]
    back = [0 for _ in of.lines]
    if not said.lines:
        back = [units for _, units in left]
    elif any(sku not in [line.sku for line in of.lines] for sku, _ in said.lines):
        return ("no", "LINE_NOT_FOUND")
    for sku, units in said.lines:
        for _ in range(units):
            places = [place for place, row in enumerate(left) if row[0] == sku and row[1] > back[place]]
            if not places:
                return ("no", "QUANTITY_EXCEEDS_COLLECTED")
            back[places[0]] += 1
    if not any(back):
        return ("no", "QUANTITY_EXCEEDS_COLLECTED")
    came = {line.sku: 0 for line in of.lines}
    for line, units in zip(of.lines, back, strict=True):
        came[line.sku] += units
    if any(sku not in came for sku, _ in said.unsellable):
        return ("no", "LINE_NOT_FOUND")
    for sku, units in said.unsellable:
        came[sku] -= units
    if min(came.values()) < 0:
        return ("no", "QUANTITY_EXCEEDS_COLLECTED")
    for line, units in zip(of.lines, back, strict=True):
        line.came += units
    model.moved.extend(Move(sku, now_ms, units) for sku, units in came.items() if units)
    model.events += 1
    of.version = model.events
    of.outbox = of.outbox or (of.holder != "" and of.status in LIVE)
    return of.outcome()
