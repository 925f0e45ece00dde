"""The live picture of a run: the rate asked for and reached, latency, refusals, errors, CPU, and the knee so far."""

from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.load.figures import Said
from bench.load.knee import knee_of
from bench.load.session import Session
from bench.record import number

OVER_S: Final = 3  # the picture's rates and latencies are of the last seconds
LAG_S: Final = 1  # of which reports may still be on their way


def picture(scenario: str, session: Session | None) -> RenderableType:
    """What there is to be seen now."""
    ran = session.now if session is not None else None
    if session is None or ran is None:
        return Text(f"bench {scenario}", style="bold")
    now = session.second - LAG_S
    recent = ran.between(now - OVER_S, now)
    latencies = recent.of()
    errors = recent.count(Said.NO_ANSWER, Said.FAILED, Said.NOT_SENT)
    table = Table.grid(padding=(0, 3))
    columns = {
        "asked/s": recent.due / OVER_S,
        "reached/s": recent.came / OVER_S,
        "p50 ms": latencies.ms(0.5),
        "p99 ms": latencies.ms(0.99),
        "refused/s": recent.count(Said.REFUSED) / OVER_S,
        "overloaded/s": recent.count(Said.OVERLOADED) / OVER_S,
        "errors/s": errors / OVER_S,
        "unanswered": sum(ran.unanswered.values()),
        "late ms, p99": recent.lag.ms(0.99),
    }
    table.add_row(*columns)
    table.add_row(*(number(value) or "-" for value in columns.values()))
    title = f"bench {scenario}: {ran.stage.name}, {max(0.0, session.second):,.0f} of {ran.stage.profile.seconds:,.0f} s"
    parts: list[RenderableType] = [Text(f"{title}; Ctrl-C ends it with a report", style="bold"), table]
    if len(ran.samples) > 1:
        before, last = ran.samples[-2:]
        width = max(last.second - before.second, 0.1)
        shares = {
            role: (used.cpu_s - before.usage[role].cpu_s) / width
            for role, used in last.usage.items()
            if role in before.usage
        }
        cores = "  ".join(f"{role} {share:.2f}" for role, share in shares.items() if share >= 0.01)
        memory = sum(used.memory_bytes for used in last.usage.values()) / 2**20
        parts.append(Text(f"cores: {cores}; memory {memory:,.0f} MiB"))
    if session.searches:
        knee = knee_of(tuple(list(session.searches.values())[-1]))
        parts.append(Text(f"knee so far: {knee.rate:,.0f}/s {'' if knee.why else 'or above'} {knee.why}"))
    return Group(*parts)
