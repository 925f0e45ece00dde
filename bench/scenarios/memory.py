"""What a hold and a position weigh, in a real actor with its real journal."""

from itertools import islice
from pathlib import Path
from typing import Any, Final

from actors.protocol.messages import Held, pack_batch, unpack_answers
from actors.ray_actors import make_actor
from bench import processes
from bench.arithmetic import ratio
from bench.record import Headline, Options, Outcome, Row, Told, judged
from bench.samples import ROWS_MAX, STORE, entries, receipts, reserves, sku
from bench.session import ask, ray_session, step_all

BATCH: Final = 1_024
SKUS: Final = 20_000
SHELF_UNITS: Final = 12  # of a SKU in a shop
HELD_UNITS: Final = 1_000  # enough for all holds
IN_FLIGHT: Final = 2
MB: Final = 1e6


def run(options: Options) -> Outcome:
    """One actor full of positions, another full of holds. Keys have 32 characters, customer ids ten."""
    holds, positions = options.size(1_000_000, 20_480), options.size(200_000, 20_480)
    with ray_session():
        options.say(f"memory: {positions:,} positions")
        shelf, _ = make_actor("store-shelf", _folder(options.scratch / "shelf"))
        empty = _rss(shelf)
        # The first delivery also warms the process up: what a position weighs is seen in those that follow.
        _open_stock(shelf, ROWS_MAX, SHELF_UNITS)
        warm = _rss(shelf)
        _open_stock(shelf, positions, SHELF_UNITS)
        full = _rss(shelf)
        options.say(f"memory: {holds:,} holds")
        actor, _ = make_actor("store-holds", _folder(options.scratch / "holds"))
        _open_stock(actor, SKUS, HELD_UNITS)
        before = _rss(actor)
        accepted = _hold(actor, holds, options)
        after = _rss(actor)
        status = ask(actor, "status", STORE)
        reserved = sum(row[1] for row in ask(actor, "availability", [STORE], [sku(n) for n in range(SKUS)])[0][2])
    told = Told(accepted)
    found = status["open_reservations"] if status["open_reservations"] == reserved else -reserved
    by_position = ratio(1_024.0 * (full["VmRSS"] - warm["VmRSS"]), positions - ROWS_MAX)
    by_hold = ratio(1_024.0 * (after["VmRSS"] - before["VmRSS"]), holds)
    rows = [
        _row("an empty actor", empty),
        _row(f"{ROWS_MAX:,} positions", warm),
        _row(f"{positions:,} positions", full, bytes_each=by_position),
        _row(f"{SKUS:,} positions and {holds:,} holds", after, bytes_each=by_hold),
    ]
    headlines = [
        Headline(f"{holds:,} live holds in one actor", rows[3].figures["rss_mb"], "MB", 700.0, at_most=True),
        Headline("a live hold", by_hold, "bytes"),
        Headline("a position", by_position, "bytes", 300.0, at_most=True),
    ]
    parameters = {"holds": holds, "positions": positions, "skus_of_holds": SKUS, "lines": 1, "quick": options.quick}
    return Outcome(parameters, rows, headlines, judged(told, found, ()))


def _folder(path: Path) -> str:
    path.mkdir()
    return str(path)


def _open_stock(actor: Any, skus: int, units: int) -> None:
    for entry in entries(receipts(skus, units)):
        ask(actor, "step", pack_batch(0, [entry]))


def _hold(actor: Any, holds: int, options: Options) -> int:
    """So many reservations, made as they are sent; how many were accepted."""
    made = entries(reserves(holds, SKUS, 1, 1))
    accepted = sent = 0
    while sent < holds:
        batches = []
        for _ in range(64):
            entry = list(islice(made, BATCH))
            if entry:
                batches.append(pack_batch(0, entry))
                sent += len(entry)
        answers, _ = step_all(actor, batches, IN_FLIGHT)
        accepted += sum(isinstance(answer, Held) for each in answers for answer in unpack_answers(each))
        if sent % (64 * BATCH * 4) == 0:
            options.say(f"memory: {sent:,} held")
    return accepted


def _rss(actor: Any) -> dict[str, int]:
    return processes.memory_kb(ask(actor, "ping"))


def _row(name: str, memory: dict[str, int], **more: float) -> Row:
    return Row(name, {"rss_mb": 1_024 * memory["VmRSS"] / MB, "most_mb": 1_024 * memory["VmHWM"] / MB, **more})
