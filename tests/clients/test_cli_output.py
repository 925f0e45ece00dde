"""What the command prints for people: durations, shortfalls and advice."""

import pytest
from rich.console import Console

from holdfast.client import Shortfall, ShortfallLoss, StockChange
from holdfast.client.cli.options import duration_ms
from holdfast.client.cli.output import advice_text, duration_text
from holdfast.client.cli.tables import CHANGE, facts_of


@pytest.mark.parametrize(
    ("length_ms", "text"),
    [(0, "0s"), (5, "5ms"), (1_500, "1s500ms"), (7_200_000, "2h"), (5_400_000, "1h30m"), (90_061_000, "1d1h1m1s")],
)
def test_a_duration_is_printed_as_it_is_typed(length_ms: int, text: str) -> None:
    assert duration_text(length_ms) == text
    assert duration_ms(text) == length_ms


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
