"""A shop's decisions about hot SKUs, which have ledgers of their own; those ledgers' are in `hot.decide_sku`.

While a SKU is hot, its ledger decides the plain Reserves of it (`Reserve.plain_sku`), and before and after that the
shops do. So that a key is decided once, each asks for the other's word before it decides a key that it does not know:
that the other does not know it either, and will not decide it any more without a word in turn. A word is the generation
of the SKU, the chain's revision that opened or closed its ledger last, by which the other was deciding when it gave it.

    the shop decides        a plain key that it does not know   where the SKU was never hot, or is closed, by a word of
                                                                the SKU's ledger that is as new as the closing
    the ledger of the SKU   the same                            while it is open, by a word of the shop that is as new
                                                                as the opening

Generations grow, and each ledger goes by those that it has adopted. A shop gives its word while the SKU is open or
closed there, so it decides the key later on at most by a word given after a later closing; but the ledger of the SKU,
which has decided it by then, knows it. The other way round it is the same.

A channel has its quota in the shop. So the SKU's ledger may cede a key to the shop that it has too few units for: it
records that as its answer, and the shop decides the key by that word (`Reserve.to_shop`).

A gateway may have a shop's word for a key without asking: the key ends with a stamp, which proves that it is younger
than the word (`serve.coordination.hot_stamps`). Any other word is of one key, which the shop notes.

So a shop knows which keys the ledger of a SKU may have answered, and decides nothing else under one of them
(`hot.keys`): HOT_KEY says what a gateway has to ask before. The other way round, a plain Reserve under a key that a
shop has used for another is answered by the ledger of the SKU if it knows it (`Reserve.only_known`), and is refused as
reused else.
"""

from typing import assert_never

from msgspec.structs import replace

from actors.core.packed import hash_of
from actors.core.rejection import Reason, Rejection
from actors.core.stamps import STAMP_CHARS
from actors.core.transact import Decision
from actors.shop.commands import Claim, Command, Reserve
from actors.shop.hot.events import UnitsHanded, UnitsTakenBack
from actors.shop.hot.keys import ASKED_NOBODY, NO_PAGE
from actors.shop.hot.units import HandUnits, TakeUnitsBack
from actors.shop.lines.decide import free_of
from actors.shop.state import Ledger


def decided_elsewhere(ledger: Ledger, command: Reserve) -> Rejection | None:
    """Send a plain Reserve of a hot SKU to its ledger, or for its word."""
    hot = ledger.policy.hot_by_sku.get(command.plain_sku)
    if hot is None or command.to_shop or (not hot.is_open and command.asked >= hot.generation):
        return None
    return Rejection(Reason.HOT_SKU, hot.sku, asked=hot.generation, number=ledger.hot.keys.page)


def key_elsewhere(ledger: Ledger, command: Command) -> Rejection | None:
    """Refuse to decide under a key which the ledger of a hot SKU may have answered: as reused, where that is certain,
    else until it was asked. A plain Reserve of that SKU is sent on, which is noted.
    """
    key, keys, policy = command.call_key if type(command) is Claim else command.key, ledger.hot.keys, ledger.policy
    if not key or key[0] == "\n":  # a ledger's own
        return None
    own = command.plain_sku if isinstance(command, Reserve) else ""
    own = own if own in policy.hot_by_sku else ""
    stamped = policy.sku_by_stamp.get(key[-STAMP_CHARS:], "")
    if stamped and stamped != own:
        return Rejection(Reason.IDEMPOTENCY_KEY_REUSED)
    hashed = ledger.answers.hash if key is ledger.answers.key else hash_of(key)
    known, free = keys.verdicts.get(key, ASKED_NOBODY) if keys.verdicts else ASKED_NOBODY
    if known and known != {own}:
        del keys.verdicts[key]  # so it is as long as that ledger knows it
        return Rejection(Reason.IDEMPOTENCY_KEY_REUSED)
    unlearned = keys.unlearned(policy, own)
    found = keys.found_for(hashed, f"{ledger.ledger_id}\n{key}", own)
    if found or unlearned:
        found = [sku for sku in found if sku in policy.hot_by_sku and sku not in free]
        if found or not free.issuperset(sku for sku, _, _ in unlearned):
            return _hot_key(keys.page, found, unlearned)
    if own and not stamped and isinstance(command, Reserve) and decided_elsewhere(ledger, command):
        keys.note(hashed, key, own)
    return None


def _hot_key(page: int, found: list[str], unlearned: tuple[tuple[str, int, int], ...]) -> Rejection:
    """What is to be asked of a key: the ledgers of `sku`, and of those further SKUs that stand in `short_lines` with no
    page; and what is to be learned. `number` says to the gateway that `settle_keys` is understood.
    """
    further = tuple((sku, 0, NO_PAGE) for sku in found[1:])
    return Rejection(Reason.HOT_KEY, found[0] if found else "", number=page, short_lines=(*unlearned, *further))


def begin_keys(ledger: Ledger, epoch: int, before: Ledger | None) -> None:
    """Have a ledger that was replayed know the keys that it has sent on: none after a start, else as `before`."""
    if before is None:
        ledger.hot.keys.begin(epoch)
    else:
        ledger.hot.keys = before.hot.keys


def unless_fetched(ledger: Ledger, refusal: Rejection, *, fetched: bool) -> Rejection:
    """The refusal for want of stock; UNITS_ELSEWHERE while ledgers of hot SKUs may have what is short."""
    if fetched or not any(ledger.hot.left(sku) for sku, _, _ in refusal.short_lines):
        return refusal
    return replace(refusal, reason=Reason.UNITS_ELSEWHERE)


def is_kept_there(ledger: Ledger, command: Reserve) -> bool:
    """Whether the ledgers of hot SKUs give nobody units of this shop past one who is to wait for them here: or those
    that come free there would go to who asks after him. As long as the shop hands no others, they keep what they have.
    """
    sku = command.lines[0][0]
    is_needed = command.wait_ms and not ledger.policy.line_may_pass and ledger.hot.left(sku)
    return not is_needed or command.kept_at == ledger.hot.of(sku).over


def decide_hot_units(ledger: Ledger, command: HandUnits | TakeUnitsBack) -> Decision:
    """Hand units to the ledger of a SKU, or have them back; with a reservation, see `decide_stock`. `standing` says the
    totals.
    """
    match command:
        case HandUnits(sku, units_max, given_back):
            taken = _taken_back(ledger, sku, given_back)
            hot = ledger.policy.hot_by_sku.get(sku)
            if hot is None or not hot.is_open or ledger.policy.paused:
                return taken
            free = free_of(ledger, sku, sum(event.units for event in taken))  # nothing of what is kept for a line
            units = min(free, units_max) if units_max else free
            return (*taken, UnitsHanded(sku, units)) if units > 0 else taken
        case TakeUnitsBack(sku, given_back):
            return _taken_back(ledger, sku, given_back)
        case _:
            assert_never(command)


def _taken_back(ledger: Ledger, sku: str, given_back: int) -> tuple[UnitsTakenBack, ...]:
    """What of the units that were ever given back has not been heard of."""
    units = min(given_back - ledger.hot.of(sku).back, ledger.hot.left(sku))
    return (UnitsTakenBack(sku, units),) if units > 0 else ()
