"""The demo's line: the act against a service of this process, and the check of who was served when."""

import asyncio
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from actors.shop.events import Served
from actors.shop.lines import decide as decide_line
from actors.shop.state import Ledger
from bench.demo.calls import Answers
from bench.demo.feed import FeedCheck
from bench.demo.line import FIRST, SKUS, WAITING, in_line, lines_of, wait_in_line
from bench.demo.run import Act, Phases, statuses_of
from bench.demo.turns import Turns
from holdfast.client import ChannelClient, Event, Line, ReleaseReason, Reservation, Status
from holdfast.client.models import events as feed
from tests.clients.service import Service
from tests.clients.serving import serving

SHOP = "S1"


def act(folder: Path, shops: tuple[str, ...] = ("S1", "S2")) -> tuple[Turns, list[str], FeedCheck]:
    """The act, with nobody killed; what the feeds say, and which shops were to be."""
    struck: list[str] = []

    async def kill(store_id: str) -> None:
        struck.append(store_id)

    async def main() -> FeedCheck:
        with Service(folder) as service:
            for store_id in shops:
                service.shop(store_id, {})
            async with serving(service) as target, ChannelClient(target) as client:
                acted = Act(Answers(client))
                await wait_in_line(client, shops, acted, Phases(Console(file=StringIO())), kill)
                check = FeedCheck(acted.answers.log, {})
                versions = {each: status.version for each, status in (await statuses_of(client, shops)).items()}
                async with client.watch_events(shops) as stream:
                    while versions:
                        event = await anext(stream)
                        check.see(event)
                        if versions[event.store_id] == event.version:
                            del versions[event.store_id]
                return check

    check = asyncio.run(main())
    return check.turns, struck, check


def test_all_who_wait_are_served_in_their_turn_and_each_answer_is_in_the_feed(tmp_path: Path) -> None:
    turns, struck, check = act(tmp_path)
    assert (len(struck), check.faults, check.of_shops.sentences) == (2, [], [])
    found = in_line(turns)
    assert (found["skus"], found["customers"], found["served"], found["out_of_turn"]) == (SKUS, WAITING, WAITING, 0)
    assert (found["still_waiting"], found["holds"]) == (0, True)
    assert found["kept_out"] >= SKUS * FIRST, "who came while others waited"


def test_a_ledger_that_serves_who_needs_fewest_units_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(ledger: Any, sku: str, now_ms: int, without: int = 0) -> tuple[Served, ...]:
        line, free = ledger.lines.get(sku), ledger.positions[sku].available
        fit = [ledger.reservations[each] for each in line.numbers] if line else []
        fit = [each for each in fit if each.lines[0][1] <= free]
        first = min(fit, key=lambda each: each.lines[0][1], default=None)
        return () if first is None else (Served(first.number, first.lines, now_ms + 60_000),)

    monkeypatch.setattr(decide_line, "next_served", wrong)
    turns, _, _ = act(tmp_path)
    assert turns.out_of_turn
    assert not in_line(turns)["holds"]


def test_lines_do_not_hold_where_somebody_waits_on_or_fewer_came() -> None:
    turns = Turns()
    turns.waited = {f"S1:{number}" for number in range(WAITING)}
    turns.served = set(turns.waited)
    turns.kept_out = 1
    assert in_line(turns)["holds"]
    turns._lines["S1", "A"] = [1]
    assert not in_line(turns)["holds"]
    turns._lines.clear()
    turns.kept_out = 0
    assert not in_line(turns)["holds"], "nobody came who did not wait"
    turns.kept_out = 1
    turns.waited.pop()
    assert not in_line(turns)["holds"]


def test_a_ledger_that_keeps_nothing_for_who_waits_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "kept", lambda *_: 0)
    turns, _, _ = act(tmp_path)
    assert any("did not wait" in sentence for sentence in turns.out_of_turn)


@pytest.mark.parametrize("actors", [1, 2])
def test_lines_are_in_shops_of_different_actors_and_what_is_missing_is_delivered(actors: int) -> None:
    statuses: Any = {f"S{number}": SimpleNamespace(actor=f"stores-{number % actors}") for number in range(5)}
    lines = lines_of(statuses)
    assert len({statuses[line.store_id].actor for line in lines[:2]}) == actors
    assert sum(len(line.units) for line in lines) == WAITING
    assert all(sum(line.missing()) + FIRST == sum(line.units) for line in lines)


def waits(version: int, units: int = 1) -> feed.Queued:
    lines = (Line("hat", units, 0, 0),)
    return feed.Queued(
        Reservation(
            f"{SHOP}:{version}",
            SHOP,
            Status.QUEUED,
            lines,
            "ann",
            "web",
            "",
            0,
            9,
            version,
            "",
            ReleaseReason.UNSPECIFIED,
        )
    )


def passes_by(version: int) -> feed.Reserved:
    return feed.Reserved(waits(version).reservation)


def served(number: int) -> feed.Served:
    return feed.Served(f"{SHOP}:{number}", (("hat", 1),), 9)


def passed_over(number: int) -> feed.PassedOver:
    return feed.PassedOver(f"{SHOP}:{number}", (("hat", 1),), 9)


def left(number: int) -> feed.Left:
    return feed.Left(f"{SHOP}:{number}", Status.RELEASED, ReleaseReason.OTHER)


WAITING_3 = (waits(1), waits(2, 2), waits(3))


@pytest.mark.parametrize(
    ("then", "wrong", "left_over"),
    [
        ((served(1), served(2), served(3)), 0, 0),
        ((served(1), served(3), served(2)), 1, 0),  # two places swapped
        ((served(3), served(2), served(1)), 2, 0),
        ((left(1), served(2)), 0, 1),
        ((served(1), passed_over(1), served(2)), 0, 2),  # in its place
        ((served(1), passed_over(1), served(2), served(1), served(3)), 0, 0),  # in its old place
        ((served(1), passed_over(1), served(2), served(3)), 1, 1),
        ((served(1), passed_over(1), served(3)), 1, 2),
        ((served(1), served(1)), 1, 2),  # it did not wait any more
        ((served(1), passes_by(5)), 1, 2),
        ((served(1), served(2), served(3), passes_by(7)), 0, 0),  # nobody waits any more
        ((served(1), passed_over(1), feed.Expired("S1:9"), served(2)), 1, 2),  # another moment
    ],
)
def test_who_is_served_is_first_or_comes_in_place_of_who_is_passed_over(
    then: tuple[feed.Change, ...], wrong: int, left_over: int
) -> None:
    turns = Turns()
    for version, change in enumerate((*WAITING_3, *then), start=1):
        turns.see(Event(SHOP, version, version, change))
    assert (len(turns.out_of_turn), turns.waiting()) == (wrong, left_over)
