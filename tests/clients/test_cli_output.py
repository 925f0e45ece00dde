"""What the command prints for people: durations, shortfalls and advice."""

import pytest
import typer
from rich.console import Console

from holdfast.client import Shortfall, ShortfallLoss, StockChange
from holdfast.client.cli import tables
from holdfast.client.cli.options import duration_ms
from holdfast.client.cli.output import advice_text, duration_text
from holdfast.client.cli.tables import CHANGE, ORDERS_VERIFICATION, TEXTS, facts_of
from holdfast.client.models.administration import BarredClaim, OrdersVerification


@pytest.mark.parametrize(
    ("length_ms", "text"),
    [(0, "0s"), (5, "5ms"), (1_500, "1s500ms"), (7_200_000, "2h"), (5_400_000, "1h30m"), (90_061_000, "1d1h1m1s")],
)
def test_a_duration_is_printed_as_it_is_typed(length_ms: int, text: str) -> None:
    assert duration_text(length_ms) == text
    assert duration_ms(text) == length_ms


@pytest.mark.parametrize("text", ["9" * 400 + "h", "9999999999h", "2 hours", "h", ""])
def test_what_is_no_time_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        duration_ms(text)


def test_who_loses_by_a_shortfall_is_told() -> None:
    change = StockChange(7, 1, 0, 0, (Shortfall("a", 3, (ShortfallLoss("s1:4", 2), ShortfallLoss("s1:6", 1))),))
    console = Console(width=120)
    with console.capture() as captured:
        console.print(facts_of(CHANGE, change))
    assert "3 x a: s1:4 loses 2, s1:6 loses 1" in captured.get()


def test_advice_names_commands() -> None:
    assert advice_text("which the chain does not have; add it with PutStores") == (
        "which the chain does not have; add it with `holdfast store put`"
    )


def test_what_is_barred_is_told_in_words() -> None:
    barred = (BarredClaim("0007/1907", 1, "eve", "restored", 0), BarredClaim("0007/1908", 0, "bob", "lost", 0))
    for claims, told in (((), []), (barred, ["0007/1907.1 by eve", ": restored", "grant 0007/1908 by bob", ": lost"])):
        console = Console(width=120)
        with console.capture() as captured:
            console.print(facts_of(ORDERS_VERIFICATION, OrdersVerification(True, (), 0, 0, 0, (), claims)))
        assert all(each in captured.get() for each in told)
        assert "(" not in captured.get()
        assert ("barred" in captured.get()) is bool(claims)


def test_every_time_that_is_shown_has_a_text() -> None:
    shown = {name for listed in vars(tables).values() if isinstance(listed, str) for name in listed.split()}
    assert {name for name in shown if name.endswith("_ms") and not name.endswith("_at_ms")} <= TEXTS.keys()
