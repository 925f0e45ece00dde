"""Through a StoreActor in a process of its own, beside an actor that does nothing: what Ray takes, and what we do."""

from itertools import islice
from time import perf_counter
from typing import Any, Final

from actors.core.status import Status
from actors.protocol.messages import Entry, Held, pack_answers, pack_batch, unpack_answers
from actors.ray_actors import make_actor
from actors.runtime.cores import SHOP
from actors.shop.audit import Audit
from actors.shop.audit_books import compare
from actors.shop.state import Reservation
from bench import processes
from bench.arithmetic import latencies_ms, medians, ratio
from bench.record import Conservation, Headline, Options, Outcome, Row, Told, judged
from bench.samples import NOW_MS, STORE, entries, receipts, reserves
from bench.session import ask, make_no_op, ray_session, step_all

BATCHES: Final = (1, 64, 256, 1_024)
IN_FLIGHT: Final = (1, 2, 4)
SKUS: Final = 2_000
READ_EVENTS_MAX: Final = 20_000


def run(options: Options) -> Outcome:
    """Steps of each size with one and a few in flight; every journalled event is audited at the end."""
    rows: list[Row] = []
    accepted = 0
    best = 0.0
    with ray_session():
        options.say("actor: starting")
        actor, _ = make_actor("store-bench", str(options.scratch))
        ask(actor, "step", pack_batch(0, list(entries(receipts(SKUS)))))
        for batch in BATCHES[::2] if options.quick else BATCHES:
            idle = make_no_op(len(pack_answers([_HELD] * batch)))
            for in_flight in IN_FLIGHT[::2] if options.quick else IN_FLIGHT:
                bare, ours = [], []
                for number in range(options.rounds):
                    packed = _packed(batch, options.size(max(20, min(400, 20_000 // batch)), 6), number)
                    bare.append(_stepped(idle, packed, in_flight, batch)[0])
                    figures, held = _stepped(actor, packed, in_flight, batch)
                    ours.append(figures)
                    accepted += held
                name = f"{batch} a step, {in_flight} in flight"
                rows += [Row(f"no-op {name}", medians(bare)), Row(name, medians(ours))]
                best = max(best, rows[-1].figures["per_s"])
            options.say(f"actor: batches of {batch}")
        options.say("actor: auditing the journal")
        conservation = _audited(actor, Told(accepted))
    parameters = {"skus": SKUS, "lines": 1, "rounds": options.rounds, "quick": options.quick}
    return Outcome(parameters, rows, [Headline("through an actor, best", best, "durable reservations/s")], conservation)


_HELD: Final = Reservation(1, Status.HELD, "", "", "", (), None, 0, NOW_MS, NOW_MS, 1, None, None)


def _packed(batch: int, count: int, seed: int) -> list[bytes]:
    made = entries(reserves(batch * count, SKUS, 1, seed))
    cut: list[list[Entry]] = [list(islice(made, batch)) for _ in range(count)]
    return [pack_batch(0, each) for each in cut]


def _stepped(actor: Any, packed: list[bytes], in_flight: int, batch: int) -> tuple[dict[str, float], int]:
    """Figures of one round, and the reservations that were accepted."""
    pid = ask(actor, "ping")
    warm, _ = step_all(actor, packed[:2], 1)
    cpu, began = processes.cpu_s_of(pid), perf_counter()
    answers, took = step_all(actor, packed[2:], in_flight)
    seconds, cpu = perf_counter() - began, processes.cpu_s_of(pid) - cpu
    units = batch * len(took)
    figures = {"per_s": ratio(units, seconds), **latencies_ms(took), "actor_cpu_us": 1e6 * ratio(cpu, units)}
    real = [each for each in warm + answers if each.strip(b"\0")]
    return figures, sum(isinstance(answer, Held) for each in real for answer in unpack_answers(each))


def _audited(actor: Any, told: Told) -> Conservation:
    """The journal, read from its beginning by the code that shares nothing with the ledger's."""
    version, _, positions, live = ask(actor, "live_state", STORE)
    audit, seen = Audit(), 0
    while seen < version:
        for seq, count, epoch, at_ms, payload in ask(actor, "records", STORE, seen, READ_EVENTS_MAX):
            for place, event in enumerate(SHOP.read_events(payload), start=seq - count + 1):
                audit.add(place, epoch, at_ms, event)
            seen = seq
    result = audit.result()
    return judged(told, live, [*result.violations, *compare(result, positions)])
