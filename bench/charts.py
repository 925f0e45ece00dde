"""Charts of the latest recorded runs: rates and times by calls in flight, by size of batch, and by callers; for the
documentation memory by day, and by refusals, and rates and CPU beside what one would build by hand.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench import record

DOTS_PER_INCH: Final = 120
_SERVICES: Final = (("echo Reserve", "tab:grey"), ("hand-written Reserve", "tab:orange"), ("Reserve", "tab:blue"))
BATCHES: Final = tuple((in_flight, stores) for stores in (1, 16) for in_flight in (1, 4, 8))

COST_BATCHES, COST_UNARY = "batches of 256, 8 in flight", "unary, 128 in flight"
COST_ROLES: Final[dict[str, dict[str, Any]]] = {
    "cpu": {"color": "black", "linewidth": 2.0},
    **{role: {} for role in ("gateway", "store_actors", "haproxy", "serve", "ray")},
}
PEER_WAYS: Final = {
    "Reserve, 1 in flight": "one caller alone",
    "Reserve, 128 in flight": "unary, 128 in flight",
    "Reserve, one SKU, 128 in flight": "one SKU, 128 in flight",
    "ReserveBatch of 256, 8 in flight": "batches of 256, 8 in flight",
}


def draw(
    latest: Mapping[str, dict[str, Any]], folder: Path = record.RESULTS, documents: Path = record.ROOT / "docs"
) -> list[Path]:
    """One picture for each question that has an answer."""
    pictures = {
        folder / "unary.png": ("grpc", _unary),
        folder / "batches.png": ("grpc", _batches),
        folder / "client.png": ("client", _client),
        documents / "cost.svg": ("cost", _cost),
        documents / "month.svg": ("month", _month),
        documents / "refusals.svg": ("refusals", _refusals),
        documents / "peers.svg": ("peers", _peers),
    }
    drawn = []
    for path, (scenario, fill) in pictures.items():
        if scenario not in latest:
            continue
        run = latest[scenario]
        figure = Figure(figsize=(11, 4), layout="constrained")
        fill(figure, run["figures"])
        title = f"{record.MACHINE.format_map(run['machine'])} {run['date'][:10]}, {run['commit']}"
        figure.suptitle(title.rstrip(", "), fontsize="x-small")
        drawn.append(path)
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem}):  # the same run gives the same file
            figure.savefig(path, dpi=DOTS_PER_INCH, metadata={"Date": None} if path.suffix == ".svg" else None)
    return drawn


def _unary(figure: Figure, rows: dict[str, Any]) -> None:
    """Rate and median, ours beside the peers, and the ratio to the echo."""
    rates, times, ratios = figure.subplots(1, 3)
    for kind, style in (("frames", "-"), ("grpc", "--")):
        for whose, colour in _SERVICES:
            names, label = rf"{whose}, (\d+) in flight, {kind}", f"{whose} ({kind})"
            _line(rates, rows, names, "per_s", label=label, color=colour, linestyle=style)
            _line(times, rows, names, "p50_ms", label=label, color=colour, linestyle=style)
        _line(ratios, rows, rf"Reserve, (\d+) in flight, {kind}", "to_echo", label=kind, linestyle=style)
    _finish(rates, "calls a second", "calls in flight")
    _finish(times, "median, ms", "calls in flight")
    _finish(ratios, "Reserve to echo", "calls in flight", 0.9, "target at 128")


def _batches(figure: Figure, rows: dict[str, Any]) -> None:
    axes = figure.subplots()
    for in_flight, stores in BATCHES:
        label = f"{in_flight} in flight, shops: {stores}"
        _line(axes, rows, rf"ReserveBatch of (\d+), {label}", "per_s", label=label)
    _finish(axes, "durable reservations a second", "reservations to a batch", 40_000, "target at 256")


def _client(figure: Figure, rows: dict[str, Any]) -> None:
    axes = figure.subplots()
    _line(axes, rows, r"(\d+) callers", "per_s", label="channel client")
    _finish(axes, "calls a second", "callers in one process", 8_000, "target at 128")


def _cost(figure: Figure, rows: dict[str, Any]) -> None:
    """A column for each way of calling: by shops above, by live holds below."""
    all_axes = figure.subplots(2, 2)
    figure.set_size_inches(11, 7)
    for column, kind in enumerate((COST_BATCHES, COST_UNARY)):
        for axes, what in zip(all_axes[:, column], ("shops", "holds"), strict=True):
            names = rf"(\d+) {what}, {kind}"
            for role, style in COST_ROLES.items():
                _line(axes, rows, names, f"{role}_us", label=role.replace("_", " "), **style)
            across = "shops that are asked" if what == "shops" else "live holds before it"
            _finish(axes, f"CPU, us for a reservation: {kind}", across, by_powers=False)
            axes.set_xscale("log")


def _month(figure: Figure, rows: dict[str, Any]) -> None:
    memory, states = figure.subplots(1, 2)
    _line(memory, rows, r"day (\d+)", "rss_mib", label="process")
    _line(states, rows, r"day (\d+)", "shop_state_mib", label="shop's ledger, as a snapshot")
    _line(states, rows, r"day (\d+)", "orders_state_mib", label="customers' ledger, as a snapshot")
    for axes in (memory, states):
        _finish(axes, "memory, MiB", "day of ledger time", by_powers=False)


def _refusals(figure: Figure, rows: dict[str, Any]) -> None:
    memory, times = figure.subplots(1, 2)
    _line(memory, rows, r"refusal (\d+)", "rss_mib", label="process")
    _finish(memory, "memory, MiB", "refusals within a day", by_powers=False)
    _line(times, rows, r"refusal (\d+)", "us", label="decided and durable")
    _line(times, rows, r"refusal (\d+)", "tidy_us", label="checkpoints and snapshots")
    _finish(times, "us a refusal", "refusals within a day", by_powers=False)


def _peers(figure: Figure, rows: dict[str, Any]) -> None:
    """Rate above and CPU below: a column for each way of calling, a bar for each service."""
    named = [(match[1], match[2]) for name in rows if (match := re.fullmatch(r"([^:]+): (.*)", name))]
    ways = [way for way in PEER_WAYS if any(way == of for _, of in named)]
    figure.set_size_inches(12, 6)
    all_axes = figure.subplots(2, len(ways), squeeze=False)
    for column, way in enumerate(ways):
        services = [whose for whose, of in named if of == way and whose != "echo"]
        colours = ["tab:blue" if whose == "holdfast" else "tab:grey" for whose in services]
        for axes, what, label in zip(
            all_axes[:, column],
            ("per_s", "cpu_us"),
            ("reservations a second", "CPU, us for a reservation"),
            strict=True,
        ):
            axes.barh(services, [rows[f"{whose}: {way}"][what] for whose in services], color=colours)
            axes.set_title(PEER_WAYS[way], fontsize="small")
            axes.set_xlabel(label, fontsize="x-small")
            axes.tick_params(labelsize="x-small", labelleft=not column)


def _line(axes: Axes, rows: dict[str, Any], names: str, figure: str, **style: Any) -> None:
    """One figure of the rows that are so named, by the number in their names."""
    found = {int(match[1]): rows[name][figure] for name in rows if (match := re.fullmatch(names, name))}
    if found:
        axes.plot(list(found), list(found.values()), marker="o", **style)


def _finish(
    axes: Axes, title: str, across: str, target: float | None = None, named: str = "", *, by_powers: bool = True
) -> None:
    if target is not None:
        axes.axhline(target, color="tab:red", linewidth=0.8, label=named)
    axes.set(title=title, xlabel=across)
    if by_powers:
        axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small")
