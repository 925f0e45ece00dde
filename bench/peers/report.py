"""The page of a run beside the peers: how fast each is, how Holdfast compares, and what was found under kills."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from matplotlib.figure import Figure

from bench import record
from bench.page import document, svg, table, verdict
from bench.peers.peer import KINDS

TITLE: Final = "Beside what one would build by hand"
RATES: Final = {
    "per_s": "reservations/s",
    "ours_to_it": "holdfast's rate to it",
    "cpu_us": "CPU, us each",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "service_us": "service, us",
    "database_us": "database or actors, us",
    "around_us": "proxy and framework, us",
    "generator_us": "generator, us",
}
KILLED: Final = "killed"
ASKED: Final = {
    "calls": "calls",
    "accepted": "accepted",
    "kills": "kills",
    "failed_attempts": "attempts that failed",
    "longest_s": "longest wait, s",
}
WRONG: Final = {
    "oversold": "units oversold",
    "answered_twice": "keys answered in two ways",
    "shared": "reservations of two keys",
    "lost": "answers lost",
    "untold": "holds nobody was told of",
    "not_back": "units leaked",
    "unanswered": "calls never answered",
}
HOW_KILLED: Final = (
    "More is asked for than there is, each call with a key of its own until it is answered, and once more in the end;"
    " holds live for seconds. The power is not cut."
)
OURS: Final = "holdfast"


def page(line: Mapping[str, Any]) -> str:
    """A run as `record.line` gives it."""
    machine = record.MACHINE.format_map(line["machine"])
    about = f"{line['date']}, {line['commit'] or 'no commit'}: {line['command']}. {machine}"
    skipped, conserved = line["parameters"]["skipped"], line["parameters"]["conservation"]
    versions = line["parameters"]["versions"]
    said = [f"{kind.name}: {kind.what}; {versions[kind.name]}" for kind in KINDS if kind.name in versions]
    said += [f"{name}: SKIPPED: {why}" for name, why in skipped.items()]
    said += [f"{name}: {sentence}" for name, sentence in conserved.items()]
    if line["parameters"]["quick"]:
        said.insert(0, "THIS RUN SHOWS THAT IT WORKS, AND MEASURES NOTHING")
    rows = _by_load(line["figures"])
    killed = rows.pop(KILLED, {})
    parts = [
        f"<h1>{TITLE} <span>{verdict(holds=line['conservation']['holds'])}</span></h1>",
        f"<p>{escape(about)}</p><ul>{''.join(f'<li>{escape(each)}</li>' for each in said)}</ul>",
    ]
    if rows:
        parts += ["<h2>Holdfast's rate to that of each</h2>", svg(_ratios(rows), "peers")]
    for name, found in rows.items():
        cells = [[whose, *(record.figure(each.get(of)) for of in RATES)] for whose, each in found.items()]
        parts += [f"<h3>{escape(name)}</h3>", table(("", *RATES.values()), cells)]
    return document(TITLE, [*parts, *_kills(killed)])


def _by_load(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Rows are named `whose: load`, and `killed: whose`."""
    rows: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, found in figures.items():
        whose, load = name.split(": ", 1)
        if whose == KILLED:
            whose, load = load, KILLED
        rows.setdefault(load, {})[whose] = found
    return rows


def _kills(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    cells: list[list[object]] = []
    for whose, each in found.items():
        asked = [each[name] if name == "longest_s" else int(each[name]) for name in ASKED]
        wrong = [int(each[name]) for name in WRONG]
        cells.append([whose, "WRONG" if any(wrong) else "correct", *asked, *wrong])
    return [
        "<h2>Under kill -9 of the service and of the database</h2>",
        f"<p>{escape(HOW_KILLED)}</p>",
        table(("", "", *ASKED.values(), *WRONG.values()), cells),
    ]


def _ratios(rows: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Figure:
    """A group of bars for each load, on a scale where twice and half look alike."""
    peers = [each for each in next(iter(rows.values())) if each != OURS]
    figure = Figure(figsize=(12, 1.2 + 1.1 * len(rows)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / max(1, len(peers))
    for place, whose in enumerate(peers):
        beyond = [record.figure(found.get(whose, {}).get("ours_to_it")) - 1 for found in rows.values()]
        axes.barh([row + place * height for row in range(len(rows))], beyond, height, left=1.0, label=whose)
    axes.set_yticks([row + 0.4 for row in range(len(rows))], list(rows))
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.axvline(1.0, color="tab:red", linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlabel("holdfast's rate to it")
    axes.grid(alpha=0.3, axis="x")
    figure.legend(loc="outside right upper", fontsize="x-small")
    return figure
