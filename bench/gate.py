"""`make bench-gate`: the service's CPU per reservation now, against the committed figures, by process.

The unit is what the echo takes for a call in the same run: a slower machine, or a slower hour of it, moves both.
"""

import tempfile
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from bench.record import Options, Outcome, ratio
from bench.scenarios.service import run_grpc
from bench.service import ROLES

COMMITTED: Final = Path(__file__).with_name("gate.json")
UNIT: Final = "echo Reserve, 128 in flight, frames"
SECONDS: Final = 0.4
ROUNDS: Final = 5
MOVED_MAX: Final = 0.25  # of a row's CPU; two runs of one commit differed by up to 0.16, those of our client by 0.39
TOLD_MIN: Final = 0.1  # a process that moved by less is not told

Shares = dict[str, dict[str, float]]  # by row and process, in echo calls


def main(
    update: Annotated[bool, typer.Option("--update", help="Write the figures of this run to bench/gate.json.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures of this run on stdout.")] = False,
) -> None:
    """Measure CPU per reservation, and fail where it is more than a quarter above or below the committed figure: one
    that is too high would hide a later loss.
    """
    console = Console(stderr=as_json)
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        options = Options(Path(folder), lambda what: console.print(f"[dim]{what}[/dim]"), True, ROUNDS, SECONDS)
        outcome = run_grpc(options)
    now = shares(outcome)
    if as_json:
        typer.echo(orjson.dumps(now).decode())
    if update:
        COMMITTED.write_bytes(orjson.dumps(now, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        return
    table = Table("", "committed", "now", "moved", "by", title="CPU per reservation, in calls of the echo")
    is_off = has_stale = False
    for row, before in orjson.loads(COMMITTED.read_bytes()).items():
        if row not in now:
            table.add_row(row, style="red")
            is_off = True
            continue
        was, found = sum(before.values()), sum(now[row].values())
        moved = ratio(found, was) - 1
        is_off |= abs(moved) > MOVED_MAX
        by = ", ".join(f"{role} {change:+.0%}" for role, change in movers(before, now[row]))
        style = "red" if moved > MOVED_MAX else "green" if moved < -MOVED_MAX else ""
        table.add_row(row, f"{was:.3f}", f"{found:.3f}", f"{moved:+.0%}", by, style=style)
        has_stale |= moved < -MOVED_MAX
    console.print(table)
    if has_stale:
        console.print("Committed figures are too high; write those of now with --update, and say what made them less.")
    held = outcome.conservation is not None and outcome.conservation.holds
    raise typer.Exit(1 if is_off or not held else 0)


def shares(outcome: Outcome) -> Shares:
    """CPU of each process for a reservation, as a multiple of what a call of the echo takes."""
    figures = {row.name: row.figures for row in outcome.rows}
    unit = figures[UNIT]["cpu_us"]
    roles = [f"{role.replace(' ', '_')}_us" for role in ROLES]
    return {
        name: {role: round(ratio(row[role], unit), 4) for role in roles}
        for name, row in figures.items()
        if f"echo {name}" in figures and "open loop" not in name  # whose load depends on the run
    }


def movers(before: dict[str, float], now: dict[str, float]) -> list[tuple[str, float]]:
    """The processes that changed a row's CPU, by how much of it, largest first."""
    whole = sum(before.values())
    changes = [(role.removesuffix("_us"), ratio(now[role] - was, whole)) for role, was in before.items()]
    return sorted(((r, c) for r, c in changes if abs(c) >= TOLD_MIN), key=lambda each: -abs(each[1]))


if __name__ == "__main__":
    typer.run(main)
