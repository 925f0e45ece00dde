"""Charts of the recorded runs, and the latest figures as a table for the README."""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from rich.console import Console

from bench import record

Run = dict[str, Any]

SCENARIOS: Final = ("core", "journal", "gateway", "actor", "grpc", "client", "memory", "recovery", "sourcing", "across")
DOTS_PER_INCH: Final = 120


def run(console: Console, folder: Path = record.RESULTS) -> None:
    """Draw what there is, and print the table."""
    latest = {name: runs[-1] for name in SCENARIOS if (runs := full_runs(name, folder))}
    mpl.use("agg")  # files only, whatever screen there may be
    for path in draw(latest, folder):
        console.print(f"[dim]drew {path}[/dim]")
    console.print(markdown(latest), markup=False, highlight=False, soft_wrap=True)


def full_runs(name: str, folder: Path) -> list[Run]:
    """Runs that measured something: not those of `--quick`, and none whose stock did not add up."""
    return [
        each
        for each in record.read(name, folder)
        if not each["parameters"].get("quick") and (each["conservation"] is None or each["conservation"]["holds"])
    ]


def markdown(latest: dict[str, Run]) -> str:
    """The headlines of each scenario's latest run, with machine, commit, date and command."""
    lines = ["| scenario | figure | value | target | date, commit |", "|---|---|---|---|---|"]
    for name, each in latest.items():
        lines += [
            f"| {name} | {headline['name']} | {_value(headline)} | {_target(headline)} | {_when(each)} |"
            for headline in each["headlines"]
        ]
    for machine in dict.fromkeys(_machine(each["machine"]) for each in latest.values()):
        lines += ["", machine]
    commands = ", ".join(f"`{command}`" for command in dict.fromkeys(each["command"] for each in latest.values()))
    return "\n".join([*lines, "", f"Measured with {commands}."] if latest else ["Nothing was measured yet."])


def draw(latest: dict[str, Run], folder: Path) -> list[Path]:
    """One picture for each question that has an answer."""
    drawn = []
    if "grpc" in latest:
        drawn.append(_unary(latest["grpc"], folder / "unary.png"))
        series = {
            f"{in_flight} in flight, shops: {stores}": ("ReserveBatch of ", f", {in_flight} in flight, shops: {stores}")
            for stores in (1, 16)
            for in_flight in (1, 4, 8)
        }
        titles = ("durable reservations a second", "reservations to a batch", "target at 256")
        drawn.append(_rates(latest["grpc"], series, titles, 40_000, folder / "batches.png"))
    if "client" in latest:
        titles = ("calls a second", "callers in one process", "target at 128")
        series = {"channel client": ("", " callers")}
        drawn.append(_rates(latest["client"], series, titles, 8_000, folder / "client.png"))
    return drawn


def _unary(each: Run, path: Path) -> Path:
    """Rate and median by calls in flight, ours beside the echo, and the ratio of the two."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    rates, times, ratios = figure.subplots(1, 3)
    for kind, style in (("frames", "-"), ("grpc", "--")):
        for whose, colour in (("echo Reserve", "tab:grey"), ("Reserve", "tab:blue")):
            found = _by_number(each, f"{whose}, ", f" in flight, {kind}")
            label = f"{whose} ({kind})"
            rates.plot(*_series(found, "per_s"), style, color=colour, marker="o", label=label)
            times.plot(*_series(found, "p50_ms"), style, color=colour, marker="o", label=label)
        found = _by_number(each, "Reserve, ", f" in flight, {kind}")
        ratios.plot(*_series(found, "to_echo"), style, color="tab:green", marker="o", label=kind)
    ratios.axhline(0.6, color="tab:red", linewidth=0.8, label="target at 128")
    for axes, title in ((rates, "calls a second"), (times, "median, ms"), (ratios, "Reserve to echo")):
        _finish(axes, title, "calls in flight")
    return _save(figure, each, path)


def _rates(
    each: Run, series: dict[str, tuple[str, str]], titles: tuple[str, str, str], target: float, path: Path
) -> Path:
    """Rates by a number in the rows' names; `series` has what stands before and after it, `titles` are of the chart,
    of its x axis, and of the line at the target.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for label, (before, after) in series.items():
        if found := _by_number(each, before, after):
            axes.plot(*_series(found, "per_s"), marker="o", label=label)
    axes.axhline(target, color="tab:red", linewidth=0.8, label=titles[2])
    _finish(axes, titles[0], titles[1])
    return _save(figure, each, path)


def _by_number(each: Run, before: str, after: str) -> dict[int, dict[str, float]]:
    """The rows whose name is a number between two texts, by that number."""
    names = {name: name.removeprefix(before).removesuffix(after) for name in each["figures"]}
    return {
        int(middle): each["figures"][name]
        for name, middle in names.items()
        if middle.isdigit() and name == f"{before}{middle}{after}"
    }


def _series(found: dict[int, dict[str, float]], figure: str) -> tuple[list[int], list[float]]:
    return list(found), [figures[figure] for figures in found.values()]


def _finish(axes: Any, title: str, across: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(across)
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small")


def _save(figure: Figure, each: Run, path: Path) -> Path:
    figure.suptitle(f"{_machine(each['machine'])} {_when(each)}", fontsize="x-small")
    figure.savefig(path, dpi=DOTS_PER_INCH)
    return path


def _machine(machine: Run) -> str:
    return (
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']} GiB, Linux {machine['kernel']}, "
        f"Python {machine['python']}, Ray {machine['ray']}, grpcio {machine['grpc']}."
    )


def _when(each: Run) -> str:
    return f"{each['date'][:10]}, {each['commit']}".rstrip(", ")


def _value(headline: Run) -> str:
    return f"{record.number(headline['value'])} {headline['unit']}".strip()


def _target(headline: Run) -> str:
    if headline["target"] is None:
        return ""
    bound = "at most" if headline["at_most"] else "at least"
    return f"{bound} {record.number(headline['target'])}, {'met' if headline['met'] else 'missed'}"
