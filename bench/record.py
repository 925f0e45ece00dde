"""What a run leaves behind: rows for people, one JSON line for machines, and a verdict."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.conservation import Conservation

RESULTS: Final = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was measured, and its figures by name; a name ends in its unit."""

    name: str
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure that stands for the run, and what it should reach. `at_most` turns the comparison round."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a scenario found. `conservation` is None where no stock changed."""

    parameters: dict[str, Any]
    rows: list[Row]
    headlines: list[Headline] = field(default_factory=list)
    conservation: Conservation | None = None


def line(scenario: str, command: str, outcome: Outcome) -> dict[str, Any]:
    """The run as one JSON object."""
    conservation = outcome.conservation
    return {
        "scenario": scenario,
        "date": machine.today(),
        "machine": machine.describe(),
        "commit": machine.commit(),
        "command": command,
        "parameters": outcome.parameters,
        "figures": {row.name: row.figures for row in outcome.rows},
        "headlines": [{**asdict(headline), "met": headline.met} for headline in outcome.headlines],
        "conservation": None if conservation is None else {"holds": conservation.holds, **asdict(conservation)},
    }


def encode(run: dict[str, Any]) -> bytes:
    """One line without its end. What is not a number is written as null."""
    return orjson.dumps(run)


def append(run: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Add the run to its scenario's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run['scenario']}.jsonl"
    with path.open("ab") as file:
        file.write(encode(run) + b"\n")
    return path


def read(scenario: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Every run of a scenario, oldest first."""
    path = folder / f"{scenario}.jsonl"
    return [orjson.loads(each) for each in path.read_bytes().splitlines()] if path.exists() else []


def show(scenario: str, outcome: Outcome, console: Console) -> None:
    """The run as a table, its headlines against their targets, and the verdict."""
    columns = list(dict.fromkeys(name for row in outcome.rows for name in row.figures))
    table = Table(title=f"bench {scenario}", title_justify="left")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for row in outcome.rows:
        table.add_row(row.name, *(number(row.figures.get(column)) for column in columns))
    console.print(table)
    for headline in outcome.headlines:
        console.print(f"  {sentence(headline)}", style={True: "green", False: "red", None: ""}[headline.met])
    conservation = outcome.conservation
    if conservation is not None:
        console.print(f"  {conservation.sentence()}", style="green" if conservation.holds else "bold red")


def sentence(headline: Headline) -> str:
    """A headline in words."""
    text = f"{headline.name}: {number(headline.value)} {headline.unit}".rstrip()
    if headline.target is None:
        return text
    bound = "at most" if headline.at_most else "at least"
    return f"{text} (target {bound} {number(headline.target)}: {'met' if headline.met else 'MISSED'})"


def number(value: float | None) -> str:
    """Three digits that count, and no more than are needed; empty for none."""
    if value is None or math.isnan(value):
        return ""
    if value == int(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
