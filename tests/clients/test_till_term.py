"""A till's term ends before what it was given ends in its shop's ledger, however far that ledger's time is drawn."""

import pytest

from actors.runtime.clock import SystemClock
from holdfast.client.till_allotments import Term

HOUR_S = 3_600
S_NS = 1_000_000_000


@pytest.mark.parametrize("ahead_s", [-HOUR_S, 0, 5 * 60, HOUR_S, 24 * HOUR_S])
@pytest.mark.parametrize("hours", [1, 8])
def test_a_till_sells_nothing_of_what_has_ended_in_its_shop(ahead_s: int, hours: int) -> None:
    """The shop's machine has its wall clock set, and its ledger's time is drawn to it; the till's runs as before."""
    wall_ns, steady_ns = 1_800_000_000 * S_NS, 10**12
    clock = SystemClock(None, lambda: wall_ns, lambda: steady_ns, "b")
    clock.now_ms()
    wall_ns += ahead_s * S_NS
    ttl_ms = hours * HOUR_S * 1_000
    until_ms = clock.now_ms() + ttl_ms
    began_s = steady_ns / S_NS
    term = Term.beginning(0, began_s, ttl_ms)
    while clock.now_ms() < until_ms:
        wall_ns += S_NS
        steady_ns += S_NS
    assert term.taken_s is not None
    assert (term.until_ms - term.taken_ms) / 1_000 < steady_ns / S_NS - began_s
