"""When those who wait in line may be served: by what came free lately, or by what is on its way."""

from typing import Final

import pytest
from msgspec.structs import replace

from actors.core.policy import Policy
from actors.shop.lines import estimates
from actors.shop.lines.estimates import Rate, Rates, rate_of
from actors.shop.state import Ledger
from actors.shop.transfers.transfer import AdviseTransfer, ReceiveTransfer
from tests.shop.scenario_text import command_of, instant
from tests.shop.transfers_text import sent
from tests.shop.watched import Watched

NOW, SOON, LATER = instant("0:10"), instant("5:00"), instant("9:00")


def advised(*transfers: tuple[str, int, int], policy: Policy | None = None) -> Watched:
    """A shop with one A, to which so many units are on their way, expected then."""
    watched = Watched(policy or Policy(version=1))
    watched.say(command_of("receive A 1", "stock"), instant("0:00"))
    for transfer_id, units, expected_at_ms in transfers:
        transfer = replace(sent(transfer_id, (("A", units),)), expected_at_ms=expected_at_ms)
        watched.say(AdviseTransfer(transfer), instant("0:01"))
    return watched


def expected(ledger: Ledger, number: int, now_ms: int = NOW) -> int:
    """When one that waits may be served, as its device is told."""
    in_line = Rates(ledger, now_ms).estimate(ledger.reservations[number]).told().in_line
    assert in_line is not None
    return in_line.expected_at_ms


def test_who_waits_is_told_of_the_transfer_that_brings_what_he_waits_for() -> None:
    watched = advised(("S9:T4", 3, LATER), ("S9:T9", 1, SOON))
    for place, (who, units) in enumerate((("ann", 2), ("bob", 2), ("cy", 2))):
        watched.say(command_of(f"reserve {who} A {units} waiting 20h", who), NOW)
        in_line = watched.known(watched.ledger.version).in_line
        assert in_line is not None
        assert in_line.expected_at_ms == (SOON, LATER, 0)[place], "which brings no unit for the third"
    first = watched.ledger.version - 2
    assert [expected(watched.ledger, first + place) for place in range(3)] == [SOON, LATER, 0]
    watched.say(ReceiveTransfer("r", "S9:T9", ()), instant("0:11"))
    assert [expected(watched.ledger, first + place, instant("0:12")) for place in (1, 2)] != [0, 0]
    assert watched.complaints() == []


def test_units_of_it_that_are_promised_are_for_others() -> None:
    watched = advised(("S9:T4", 3, SOON), policy=Policy(version=1, promise_in_transit=True))
    watched.say(command_of("reserve ann A 1", "a"), NOW)
    watched.say(command_of("reserve bob A 2", "b"), NOW)
    assert rate_of(watched.ledger, "A", NOW).arrivals == ((SOON, 1),)
    watched.say(command_of("reserve cy A 1", "c"), NOW)
    assert rate_of(watched.ledger, "A", NOW).arrivals == ()


def test_of_one_that_is_late_nobody_knows_when_it_comes() -> None:
    watched = advised(("S9:T4", 3, SOON))
    assert rate_of(watched.ledger, "A", SOON - 1).arrivals == ((SOON, 3),)
    assert rate_of(watched.ledger, "A", SOON).arrivals == ()


def test_however_many_are_on_their_way_so_many_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "ESTIMATE_TRANSFERS_MAX", 2)
    watched = advised(*((f"S9:T{number}", 1, SOON + number) for number in (4, 6, 8)))
    assert rate_of(watched.ledger, "A", NOW).arrivals == ((SOON + 4, 1), (SOON + 6, 1))


HOUR_MS: Final = 3_600_000
RATES: Final = {
    "what comes free is sooner": (Rate(2, NOW - HOUR_MS, 0, NOW, ((LATER, 9),)), 2, NOW + HOUR_MS),
    "the transfer is sooner": (Rate(1, NOW - HOUR_MS, 0, NOW, ((SOON, 9),)), 9, SOON),
    "the transfer brings too few": (Rate(1, NOW - HOUR_MS, 0, NOW, ((SOON, 8),)), 9, NOW + 9 * HOUR_MS),
    "what is there is enough": (Rate(0, NOW, 2, NOW, ((SOON, 8),)), 2, 0),
    "what is there is a part of it": (Rate(0, NOW, 2, NOW, ((SOON, 1), (LATER, 1))), 3, SOON),
    "nothing comes": (Rate(0, NOW, 0, NOW), 1, 0),
}


@pytest.mark.parametrize("name", RATES)
def test_whichever_is_sooner(name: str) -> None:
    rate, units, at_ms = RATES[name]
    assert rate.expected_at_ms(units) == at_ms
