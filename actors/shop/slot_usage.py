"""Places in pickup slots: who takes one, and when it is free again. What the state says of them is changed here alone.

A place is a customer's, who comes once. A reservation of its own has one; the live parts of one order that want the
same slot have one together, which is free again when the last of them is over.
"""

from actors.shop.state import Ledger, Part


def take_place(ledger: Ledger, slot_start_ms: int, part: Part | None) -> None:
    """For a live reservation, unless its order has that place already."""
    if part is not None:
        sharing = ledger.parts_in_slots.get((part.order, slot_start_ms), 0)
        ledger.parts_in_slots[part.order, slot_start_ms] = sharing + 1
        if sharing:
            return
    ledger.slots_taken[slot_start_ms] = ledger.slots_taken.get(slot_start_ms, 0) + 1


def leave_place(ledger: Ledger, slot_start_ms: int, part: Part | None) -> None:
    """For one that is over, unless another part of its order still wants that place."""
    if part is not None:
        sharing = ledger.parts_in_slots[part.order, slot_start_ms] - 1
        if sharing:
            ledger.parts_in_slots[part.order, slot_start_ms] = sharing
            return
        del ledger.parts_in_slots[part.order, slot_start_ms]
    left = ledger.slots_taken[slot_start_ms] - 1
    if left:
        ledger.slots_taken[slot_start_ms] = left
    else:
        del ledger.slots_taken[slot_start_ms]
