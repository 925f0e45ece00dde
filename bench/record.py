"""What a run is asked for, how its figures are computed, and what it leaves behind: a table for people, one JSON line
for machines with what it was measured on, and a verdict; and the table of the latest runs for the README. No run counts
whose stock does not add up: what callers were told against what the ledgers say.
"""

import math
import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from actors.core.rejection import Violation
from actors.shop import invariants
from actors.shop.state import Ledger

# As docs/operations.md advises: on two cores one, beside the gateway.
STORE_ACTORS: Final = max(1, (os.cpu_count() or 2) // 2)


@dataclass(frozen=True, slots=True)
class Options:
    """`quick` takes smoke sizes: it shows that a scenario works and measures nothing.

    `scratch` is the folder for journals, on the disk that is to be measured. `say` hears what is being done.
    `rate` is of arrivals in the open loop; 0 leaves it to the scenario.
    """

    scratch: Path
    say: Callable[[str], None]
    quick: bool = False
    rounds: int = 3
    seconds: float = 1.0
    store_actors: int = STORE_ACTORS
    rate: float = 0.0

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


QUANTILES: Final = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999}


def percentile(values: Sequence[float], quantile: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank); NaN for none."""
    return float(np.quantile(values, quantile, method="inverted_cdf")) if values else math.nan


def latencies_ms(seconds: Sequence[float]) -> dict[str, float]:
    """The usual percentiles in milliseconds, named `p50_ms` and so on."""
    return {f"{name}_ms": round(1_000 * percentile(seconds, quantile), 3) for name, quantile in QUANTILES.items()}


def ratio(part: float, whole: float) -> float:
    """`part / whole`; NaN where there is no whole to compare with."""
    return part / whole if whole else math.nan


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each figure over rounds that all have it; noise of one round does not decide."""
    return {name: median(one[name] for one in rounds) for name in rounds[0] if all(name in one for one in rounds)}


def timed(operations: int, work: Callable[[], object]) -> dict[str, float]:
    """Do the work once: wall and CPU time of one of its operations in microseconds, and the rate."""
    cpu, wall = process_time(), perf_counter()
    work()
    wall, cpu = perf_counter() - wall, process_time() - cpu
    us, cpu_us = 1e6 * wall / operations, 1e6 * cpu / operations
    return {"us": round(us, 3), "cpu_us": round(cpu_us, 3), "per_s": round(ratio(1e6, us))}


DISCREPANCIES_TOLD_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """What callers were told: reservations accepted, and calls whose outcome they never learned."""

    accepted: int
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Conservation:
    """Reservations that callers know of, those that the ledgers have, and everything that does not agree."""

    told: Counts
    found: int
    discrepancies: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Every accepted answer is in a ledger, no ledger has one that nobody asked for, and all rules hold."""
        known = self.told.accepted <= self.found <= self.told.accepted + self.told.unknown
        return known and not self.discrepancies

    def sentence(self) -> str:
        told, found = self.told, self.found
        if self.holds:
            return f"conservation holds: {told.accepted:,} accepted, {found:,} in the ledgers"
        unknown = f" and {told.unknown:,} of unknown outcome" if told.unknown else ""
        why = "; ".join(self.discrepancies[:3])
        return f"CONSERVATION BROKEN: {told.accepted:,} accepted{unknown}, {found:,} in the ledgers. {why}".rstrip()


def judged(told: Counts, found: int, violations: Iterable[Violation]) -> Conservation:
    """The verdict over counts and whatever rules were found broken."""
    broken = [f"{v.invariant} {v.subject}: expected {v.expected}, found {v.found}" for v in violations]
    return Conservation(told, found, broken[:DISCREPANCIES_TOLD_MAX])


def of_ledger(ledger: Ledger, told: Counts) -> Conservation:
    """For a ledger in this process of which every accepted reservation still stands."""
    return judged(told, ledger.open_reservations, invariants.check(ledger))


def together(verdicts: Sequence[Conservation]) -> Conservation:
    """One verdict over several services."""
    told = Counts(sum(each.told.accepted for each in verdicts), sum(each.told.unknown for each in verdicts))
    discrepancies = [one for each in verdicts for one in each.discrepancies]
    return Conservation(told, sum(each.found for each in verdicts), discrepancies)


ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "bench" / "results"
MACHINE: Final = "{cores} cores of {cpu}, {memory_gib} GiB, Linux {kernel}, Python {python}, Ray {ray}, grpcio {grpc}."


class Row(NamedTuple):
    """One thing that was measured, and its figures by name; a name ends in its unit."""

    name: str
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure that stands for the run, what it should reach, and what it was made of. `at_most` turns the comparison
    round.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    at_most: bool = False
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a scenario found. `conservation` is None where no stock changed. `page` makes a report, as HTML, of the
    run's line.
    """

    parameters: dict[str, Any]
    rows: list[Row]
    headlines: list[Headline] = field(default_factory=list)
    conservation: Conservation | None = None
    page: Callable[[Mapping[str, Any]], str] | None = None


def line(scenario: str, command: str, outcome: Outcome) -> dict[str, Any]:
    """The run as one JSON object."""
    conservation = outcome.conservation
    return {
        "scenario": scenario,
        "date": today(),
        "machine": describe(),
        "commit": commit(),
        "command": command,
        "parameters": outcome.parameters,
        "figures": {row.name: row.figures for row in outcome.rows},
        "headlines": [{**asdict(headline), "met": headline.met} for headline in outcome.headlines],
        "conservation": None if conservation is None else {"holds": conservation.holds, **asdict(conservation)},
    }


def append(run: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Add the run to its scenario's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run['scenario']}.jsonl"
    with path.open("ab") as file:
        file.write(orjson.dumps(run, option=orjson.OPT_APPEND_NEWLINE))  # what is not a number becomes null
    return path


def read(scenario: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Every run of a scenario, oldest first."""
    path = folder / f"{scenario}.jsonl"
    return [orjson.loads(each) for each in path.read_bytes().splitlines()] if path.exists() else []


def show(scenario: str, outcome: Outcome, console: Console) -> None:
    """The run as a table, its headlines against their targets, and the verdict."""
    for columns, rows in groupby(outcome.rows, lambda row: tuple(row.figures)):
        _show_alike(scenario, columns, list(rows), console)
    for headline in outcome.headlines:
        text = f"  {headline.name}: {number(headline.value)} {headline.unit}".rstrip()
        text += f" ({headline.detail})" if headline.detail else ""
        text += f" (target {target(headline)})" if headline.target is not None else ""
        console.print(text, style={True: "green", False: "red", None: ""}[headline.met])
    conservation = outcome.conservation
    if conservation is not None:
        console.print(f"  {conservation.sentence()}", style="green" if conservation.holds else "bold red")


def _show_alike(scenario: str, names: Sequence[str], rows: Sequence[Row], console: Console) -> None:
    """Rows of the same figures. What no process took CPU for has no column."""
    columns = [name for name in names if not name.endswith("_us") or any(row.figures[name] for row in rows)]
    table = Table(title=f"bench {scenario}", title_justify="left")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(row.name, *(number(row.figures[column]) for column in columns))
    console.print(table)


def target(headline: Headline) -> str:
    """What it should reach, and whether it does; empty where there is no target."""
    if headline.target is None:
        return ""
    bound = "at most" if headline.at_most else "at least"
    return f"{bound} {number(headline.target)}: {'met' if headline.met else 'MISSED'}"


def headline_of(row: Mapping[str, Any]) -> Headline:
    """The headline that a recorded run has; what was no number there meets no target."""
    found = {name: value for name, value in row.items() if name != "met"}
    return Headline(**{**found, "value": figure(row["value"])})


def figure(value: float | None) -> float:
    """A figure as a recorded run has it; NaN for what was no number."""
    return math.nan if value is None else float(value)


def latest_runs(scenarios: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By scenario, the latest run that measured: none of `--quick`, and none whose stock did not add up."""
    return {
        scenario: run
        for scenario in scenarios
        for run in read(scenario)
        if not run["parameters"].get("quick") and (run["conservation"] is None or run["conservation"]["holds"])
    }


def markdown(latest: Mapping[str, dict[str, Any]]) -> str:
    """The headlines of each scenario's latest run, with machine, commit, date and command."""
    if not latest:
        return "Nothing was measured yet."
    lines = ["| scenario | figure | value | target | date, commit |", "|---|---|---|---|---|"]
    for scenario, run in latest.items():
        when = f"{run['date'][:10]}, {run['commit']}".rstrip(", ")
        for row in run["headlines"]:
            headline = headline_of(row)
            value = f"{number(headline.value)} {headline.unit}".strip()
            lines.append(f"| {scenario} | {headline.name} | {value} | {target(headline)} | {when} |")
    for machine in dict.fromkeys(MACHINE.format_map(run["machine"]) for run in latest.values()):
        lines += ["", machine]
    commands = ", ".join(f"`{command}`" for command in dict.fromkeys(run["command"] for run in latest.values()))
    return "\n".join([*lines, "", f"Measured with {commands}."])


def number(value: float | None) -> str:
    """Three digits that count, and no more than are needed; empty for none."""
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞"
    if value == int(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def describe() -> dict[str, Any]:
    """Processor, cores, memory, kernel, and the versions that decide speed."""
    return {
        "cpu": _field("/proc/cpuinfo", "model name"),
        "mhz": round(float(_field("/proc/cpuinfo", "cpu MHz") or 0)),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "ray": version("ray"),
        "grpc": version("grpcio"),
    }


def commit() -> str:
    """The commit that is checked out, with `+` where files differ from it; empty outside of a repository."""
    git = ("git", "-C", str(ROOT))
    head = _said(*git, "rev-parse", "--short=12", "HEAD")
    return head + ("+" if head and _said(*git, "status", "--porcelain", "--untracked-files=no") else "")


def today() -> str:
    """Now, in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def file_system_of(path: Path) -> str:
    """The type of the file system on which a path lies: a flush to tmpfs is no flush."""
    return _said("df", "--output=fstype", str(path)).rpartition("\n")[2] or "unknown"


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _said(*command: str) -> str:
    """What a command of the developer's own said; nothing where it failed or is absent."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # named in this file
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
