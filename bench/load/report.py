"""The report of load scenarios as one page of HTML without scripts; drawings are SVG.

Of each scenario: its verdict and figures, latency against load with the knee marked, latency by percentile, and of each
stage throughput, latency, CPU by process and memory over time, with the moments of faults; refusals and errors by kind.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench import record
from bench.load.knee import KNEE_MS, Knee, Point
from bench.load.lanes import MAKING, RESERVE
from bench.load.run import DRAWN
from bench.page import document, svg, table, verdict

TITLE: Final = "Reservations under load"
FIGURES: Final = {
    "asked_per_s": "asked/s",
    "per_s": "reached/s",
    "reserved_per_s": "reserved/s",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "p99_9_ms": "p99.9, ms",
    "longest_ms": "longest, ms",
    "refused_per_s": "refused/s",
    "overloaded_per_s": "overloaded/s",
    "errors_per_s": "errors/s",
    "lag_p99_ms": "calls late, p99, ms",
    "cpu_us": "CPU, us each",
    "generator_cpu": "generator, cores",
}
QUANTILES_SHOWN: Final = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)


def page(lines: Sequence[Mapping[str, Any]]) -> str:
    """The results of scenarios, as `season.line` gives them, in their sequence."""
    parts = [f"<h1>{TITLE}</h1>"]
    for line in lines:
        parts += _scenario(line)
    return document(TITLE, parts)


def _scenario(line: Mapping[str, Any]) -> list[str]:
    load, conservation = line["load"], line["conservation"]
    machine = record.MACHINE.format_map(line["machine"])
    about = f"{line['date']}, {line['commit'] or 'no commit'}: {line['command']}. {machine}"
    told = record.Conservation(
        record.Counts(**conservation["told"]), conservation["found"], conservation["discrepancies"]
    )
    said = "".join(f"<li>{escape(each)}</li>" for each in _sentences(load, told))
    stages, steps = load["stages"], set(load["steps"])
    held = [each for each in stages if each["name"] not in steps]
    parts = [
        f"<h2>{escape(line['scenario'])} <span>{verdict(holds=load['holds'])}</span></h2>",
        f"<p>{escape(about)}</p><ul>{said}</ul>",
        table(("figure", "value", "", "target", "made of"), [_headline(each) for each in line["headlines"]]),
    ]
    if load["searches"]:
        parts += ["<h3>Latency against load</h3>", svg(_against_load(load["searches"]), f"{line['scenario']} load")]
    if held:
        parts += ["<h3>Latency by percentile</h3>", svg(_percentiles(held), f"{line['scenario']} percentiles")]
    rows = [[name, *(record.figure(row.get(each)) for each in FIGURES)] for name, row in line["figures"].items()]
    parts += ["<h3>Every stage</h3>", table(("stage", *FIGURES.values()), rows)]
    for each in held:
        parts += [f"<h3>{escape(each['name'])}</h3>", svg(_over_time(each), f"{line['scenario']} {each['name']}")]
        parts.append(table(("call", "came to", "why", "calls"), each["outcomes"]))
    return parts


def _sentences(load: Mapping[str, Any], told: record.Conservation) -> list[str]:
    alone, limit = (record.number(load[f"generator_{each}_per_s"]) or "?" for each in ("alone", "limit"))
    found = [told.sentence(), *told.discrepancies]
    found.append(f"each generator is good for, by its CPU: {alone} calls/s alone, {limit} as they called here")
    if load["late"]:
        found += [f"THE GENERATOR WAS THE BOTTLENECK: {each}" for each in load["late"]]
    else:
        found.append("the generators called in time")
    if load["interrupted"]:
        found.append("it was stopped before its end: what there was is told")
    return [*found, *([load["left"]] if load["left"] else [])]


def _headline(row: Mapping[str, Any]) -> list[object]:
    headline = record.headline_of(row)
    return [headline.name, float(headline.value), headline.unit, record.target(headline), headline.detail]


# --- drawings --------------------------------------------------------------------------------------------------------


def _against_load(searches: Mapping[str, Any]) -> Figure:
    """A column for each search: p99 by the rate that was asked for above, the rate that was reached below."""
    figure = Figure(figsize=(5 * max(2, len(searches)), 6), layout="constrained")
    rows = figure.subplots(2, len(searches), squeeze=False, sharex="col")
    for column, (name, search) in enumerate(searches.items()):
        points = sorted(Point(*map(record.figure, each)) for each in search["points"])
        knee = Knee(*search["knee"])
        latency, reached = rows[0][column], rows[1][column]
        asked = [point.asked for point in points]
        latency.plot(asked, [point.p99_ms for point in points], "o-", label="p99")
        latency.plot(asked, [point.lag_p99_ms for point in points], "x:", color="tab:grey", label="calls late, p99")
        latency.axhline(KNEE_MS, color="tab:red", linewidth=0.8, label=f"{KNEE_MS:g} ms")
        latency.set_yscale("log")
        latency.set_title(name, fontsize="small")
        latency.set_ylabel("ms")
        reached.plot(asked, [point.reached for point in points], "o-", label="reached")
        reached.plot(asked, asked, color="tab:grey", linewidth=0.8, label="asked")
        reached.set(xlabel="asked, arrivals a second", ylabel="a second")
        for axes in (latency, reached):
            axes.axvline(knee.rate, color="tab:orange", linestyle="--", label=f"knee, {knee.rate:,.0f}/s")
            _finish(axes)
    return figure


def _percentiles(stages: Sequence[Mapping[str, Any]]) -> Figure:
    """As HdrHistograms are drawn: ever more nines to the right. All kinds of calls of a stage that reserve."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.subplots()
    for stage in stages:
        for kind, found in stage["percentiles"].items():
            if kind in MAKING:
                shown = [(1 / (1 - quantile), ms) for quantile, ms in found if quantile < 1]
                label = stage["name"] if kind == RESERVE else f"{stage['name']}, {kind}"
                axes.plot(*zip(*shown, strict=True), marker=".", label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([1 / (1 - each) for each in QUANTILES_SHOWN], [f"{100 * each:g} %" for each in QUANTILES_SHOWN])
    axes.set_xlim(1, 1 / (1 - max(each for each in DRAWN if each < 1)))
    axes.set(xlabel="percentile", ylabel="reserve, ms from when it was due")
    _finish(axes)
    return figure


def _over_time(stage: Mapping[str, Any]) -> Figure:
    """Rates, latencies, CPU and memory by second; faults are lines."""
    figure = Figure(figsize=(14, 6), layout="constrained")
    (rates, latencies), (cpu, memory) = figure.subplots(2, 2, sharex=True)
    rows = [list(map(record.figure, each)) for each in stage["over_time"]]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 9
    seconds, due, came, p50, p99, longest, refused, overloaded, failed = columns
    for label, values in (("asked", due), ("reached", came), ("refused", refused)):
        rates.plot(seconds, values, label=label, drawstyle="steps-post")
    rates.plot(seconds, overloaded, label="overloaded", color="tab:orange", drawstyle="steps-post")
    rates.plot(seconds, failed, label="errors", color="tab:red", drawstyle="steps-post")
    rates.set_ylabel("a second")
    for label, values in (("p50", p50), ("p99", p99), ("longest", longest)):
        latencies.plot(seconds, values, label=label, drawstyle="steps-post")
    latencies.set_yscale("log")
    latencies.set_ylabel("ms from when it was due")
    _usage(cpu, memory, stage["usage"])
    for axes in (rates, latencies, cpu, memory):
        axes.axvspan(0, stage["measured"][0], color="tab:grey", alpha=0.15, linewidth=0)  # warming
        for second, what in stage["marks"]:
            axes.axvline(second, color="tab:red", linewidth=0.8)
            if axes is rates:
                axes.text(second, axes.get_ylim()[1], what, fontsize="xx-small", rotation=20, clip_on=False)
        _finish(axes)
    return figure


def _usage(cpu: Axes, memory: Axes, samples: Sequence[Any]) -> None:
    roles = sorted({role for _, usage in samples for role in usage})
    for role in roles:
        found = [(second, *usage[role]) for second, usage in samples if role in usage]
        cores = [
            (late[0], max(0.0, late[1] - early[1]) / max(late[0] - early[0], 1e-3)) for early, late in pairwise(found)
        ]
        if any(share > 0.01 for _, share in cores):
            cpu.plot(*zip(*cores, strict=True), label=role)
        memory.plot([each[0] for each in found], [each[2] / 2**20 for each in found], label=role)
    cpu.set(xlabel="second of the stage", ylabel="cores")
    memory.set(xlabel="second of the stage", ylabel="MiB")


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="xx-small")
