"""The report as one page of HTML without scripts; its timelines are drawn as SVG."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from matplotlib.figure import Figure

from bench import record
from bench.faults.report import clock_told
from bench.page import document, svg, table, verdict as verdict_of

COLOURS: Final = {
    "accepted": "#4c78a8",
    "read": "#9ecae9",
    "refused": "#f2cf5b",
    "overloaded": "#f58518",
    "no answer": "#e45756",
}


def page(result: Mapping[str, Any], drawings: Sequence[str]) -> str:
    """The document as a page; `drawings` are SVGs of what no sequence explains."""
    verdict = verdict_of(holds=result["holds"])
    machine = record.MACHINE.format_map(result["machine"])
    calls = ", ".join(f"{result['calls'][name]:,} {escape(name)}" for name in result["calls"] if name != "errors")
    about = f"{result['seconds']:,.0f} s under faults, seed {result['seed']}, {escape(result['machine']['date'])}."
    parts = [
        f"<h1>Faults and what held <span>{verdict}</span></h1>",
        f"<p>{about} {escape(machine)} Calls: {calls}. {escape(clock_told(result))}</p>",
        "<h2>What held</h2>",
        _invariants(result["invariants"]),
        "<h2>Calls by outcome, and what struck</h2>",
        svg(_timeline(result), "timeline"),
        "<h2>Until something was accepted again</h2>",
        svg(_recoveries(result["faults"]), "recoveries"),
        _faults(result["faults"]),
        "<h2>Faults that strike in tests</h2>",
        table(
            ("fault", "where"),
            [[fault, ", ".join(tests)] for fault, tests in result["elsewhere"].items()],
        ),
        "<h2>Histories that were examined</h2>",
        table(
            ("of", "objects", "operations", "pairs of state and calls looked at"),
            [
                [f"each {each['of']}", each["objects"], each["operations"], each["pairs_looked_at"]]
                for each in result["histories"]
            ],
        ),
        *(["<h2>What no sequence explains</h2>", *drawings] if drawings else []),
        "<h2>Every strike</h2>",
        table(
            ("at, s", "fault", "what", "accepted again after, s", "seen"),
            [[each[name] for name in ("at_s", "fault", "what", "back_s", "note")] for each in result["strikes"]],
        ),
    ]  # fmt: skip
    return document("Faults and what held", parts)


def _invariants(invariants: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for each in invariants:
        broken = "".join(f"<br>{escape(sentence)}" for sentence in each["broken"])
        holds = '<span class="holds">holds</span>' if each["holds"] else f'<span class="broken">BROKEN</span>{broken}'
        rows.append(
            f"<tr><td>{each['id']}</td><td>{escape(each['says'])}</td><td class=number>{each['checks']:,}</td>"
            f"<td>{escape(each['checked_by'])}</td><td>{holds}</td></tr>"
        )
    head = "<tr><th></th><th>invariant</th><th>checks</th><th>checked by</th><th></th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _faults(faults: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for each in faults:
        back, allowed = each["back_s"], each["allowed_s"]
        within = f"{each['within_allowed']} of {len(back)} within {allowed:g} s" if back else ""
        seen = "; ".join(f"{note} ({count})" for note, count in each["notes"].items())
        median = record.percentile(back, 0.5) if back else None
        worst = back[-1] if back else None
        rows.append([each["fault"], each["what"], each["struck"], median, worst, within, seen])
    return table(("fault", "what was done", "times", "median, s", "longest, s", "", "seen"), rows)


def _timeline(result: Mapping[str, Any]) -> Figure:
    """Calls in each second by outcome, with a mark for each strike."""
    figure = Figure(figsize=(14, 5), layout="constrained")
    axes = figure.subplots()
    per_second = {name: result["calls_per_second"][name] for name in COLOURS if name in result["calls_per_second"]}
    if per_second:
        seconds = range(len(next(iter(per_second.values()))))
        colours = [COLOURS[name] for name in per_second]
        axes.stackplot(seconds, list(per_second.values()), labels=list(per_second), colors=colours, step="post")
    top = axes.get_ylim()[1]
    for number, each in enumerate(result["strikes"]):
        axes.axvline(each["at_s"], color="#333", linewidth=0.6, alpha=0.6)
        axes.axvspan(each["at_s"], each["at_s"] + (each["back_s"] or 0), color="#333", alpha=0.06, linewidth=0)
        height = top * (1.01 + 0.05 * (number % 3))
        axes.text(each["at_s"], height, each["fault"], fontsize="xx-small", ha="center", clip_on=False)
    axes.set_ylim(0, top)
    axes.set_xlim(left=0)
    axes.set(xlabel="second of the run", ylabel="calls a second")
    if per_second:
        axes.legend(fontsize="x-small", loc="upper left")
    return figure


def _recoveries(faults: Sequence[Mapping[str, Any]]) -> Figure:
    """A dot for each strike, by what was done, beside what is allowed."""
    rows = [each for each in faults if each["back_s"]]
    figure = Figure(figsize=(14, 1.2 + 0.32 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for at, each in enumerate(rows):
        axes.plot(each["back_s"], [at] * len(each["back_s"]), "o", color=COLOURS["accepted"], alpha=0.6, markersize=5)
        axes.plot([each["allowed_s"]], [at], "|", color=COLOURS["no answer"], markersize=14)
    axes.set_yticks(range(len(rows)), [f"{each['fault']} {each['what']}" for each in rows], fontsize="x-small")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("s from the strike to the answer of the first call accepted after it; red: what is allowed")
    axes.grid(axis="x", alpha=0.3)
    return figure
