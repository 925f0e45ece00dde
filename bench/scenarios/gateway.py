"""The gateway's own work on a reservation: bytes to command and answer to bytes, without Serve and without an actor."""

from typing import Any, Final

from actors.core.chain import EMPTY
from actors.protocol.messages import Held
from bench.arithmetic import Timed, median_of, timed
from bench.record import Headline, Options, Outcome, Row
from bench.samples import NOW_MS, STORE, Shape, requests
from holdfast.v1 import reservation_service_pb2 as service_pb2
from serve.wire.reservations import fill_held, reserve, split_requests

SKUS: Final = 2_000
BATCH: Final = 256


def run(options: Options) -> Outcome:
    """Microseconds a reservation, for single calls and in batches of 256."""
    count = options.size(100, 4) * BATCH
    rounds: list[dict[str, Timed]] = []
    for number in range(options.rounds):
        options.say(f"gateway: round {number + 1} of {options.rounds}")
        found: dict[str, Timed] = {}
        for lines in (1, 3):
            found.update(_single(count, lines, number))
            found.update(_batched(count, lines, number))
        rounds.append(found)
    rows = [Row(name, median_of(each[name] for each in rounds).figures()) for name in rounds[0]]
    whole = sum(row.figures["us"] for row in rows if row.name.startswith("batch, 1 line:"))
    parameters: dict[str, Any] = {"reservations": count, "rounds": options.rounds, "quick": options.quick}
    return Outcome(parameters, rows, [Headline("a reservation in a batch, protobuf and back", whole, "us")])


def _single(count: int, lines: int, seed: int) -> dict[str, Timed]:
    payloads = list(requests(Shape((STORE,), SKUS, lines, 0), count, seed))
    parsed = [service_pb2.ReserveRequest.FromString(each) for each in payloads]
    entries = [reserve(each) for each in parsed]

    def parse() -> None:
        for each in payloads:
            service_pb2.ReserveRequest.FromString(each)

    def translate() -> None:
        for each in parsed:
            reserve(each)

    def answer() -> None:
        for number, (store_id, wire) in enumerate(entries):
            reply = service_pb2.ReserveResponse()
            fill_held(Held(number, NOW_MS, NOW_MS), store_id, wire, EMPTY, reply.reservation)
            reply.SerializeToString()

    name = f"single, {lines} line{'s' if lines > 1 else ''}"
    works = ((f"{name}: parse", parse), (f"{name}: translate", translate), (f"{name}: answer", answer))
    return {each: timed(count, work) for each, work in works}


def _batched(count: int, lines: int, seed: int) -> dict[str, Timed]:
    payloads = list(requests(Shape((STORE,), SKUS, lines, BATCH), count // BATCH, seed))
    batch, item = service_pb2.ReserveBatchRequest, service_pb2.ReserveRequest
    parsed = [split_requests(batch, item, each) for each in payloads]
    entries = [[reserve(each) for each in every] for every in parsed]

    def parse() -> None:
        for each in payloads:
            split_requests(batch, item, each)

    def translate() -> None:
        for every in parsed:
            for each in every:
                reserve(each)

    def answer() -> None:
        for every in entries:
            reply = service_pb2.ReserveBatchResponse()
            for number, (store_id, wire) in enumerate(every):
                fill_held(Held(number, NOW_MS, NOW_MS), store_id, wire, EMPTY, reply.outcomes.add().reservation)
            reply.SerializeToString()

    name = f"batch, {lines} line{'s' if lines > 1 else ''}"
    works = ((f"{name}: parse", parse), (f"{name}: translate", translate), (f"{name}: answer", answer))
    return {each: timed(count, work) for each, work in works}
