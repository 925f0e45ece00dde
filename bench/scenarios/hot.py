"""Hot SKUs: batches for one that has a ledger of its own, over units of all shops, beside batches for what is ordinary,
by turns in one run; three of them at once; and what is sold out of one, refused by its ledger and by hints at the
gateway. Calls are as those of our clients: first attempts, and keys with stamps. Figures are medians of the rounds.

And a drop: thousands of calls a second for one SKU, soon sold out, beside a few ordinary ones in the same shops, which
come from a process of their own, at their own rate, and are measured from when each was due, before and during that.
"""

from dataclasses import replace
from threading import Barrier, Thread
from typing import Final

import grpc

from bench.load.rounds import RESERVE, RESERVE_BATCH, Generator, Load, generating
from bench.record import Headline, Options, Outcome, Row, ratio
from bench.samples import CHANNEL, key, sku
from bench.service import Service, holdfast, receive, verdict
from holdfast.client import BlockingChannelClient
from holdfast.v1 import reservation_service_pb2 as rs, reservation_service_pb2_grpc as stubs

STORES: Final = tuple(f"S{number:03d}" for number in range(16))
SKUS: Final = 2_000
HOT: Final = ("hot-0", "hot-1", "hot-2")
GONE: Final = "gone"
DROP: Final = "drop"
BATCH: Final = 256
IN_FLIGHT: Final = 8
DROP_UNITS: Final = 500  # in each shop
DROP_BATCH: Final = 32
DROP_PER_S: Final = 8_000
ORDINARY_PER_S: Final = 200.0
DROP_TIMES: Final = 5  # as long as the other loads
BY_LEDGER, BY_HINT = "sold out, refused by its ledger", "sold out, refused at the gateway"
SOLD: Final = ("one hot SKU", "three hot SKUs")
TARGETS: Final = {**dict.fromkeys(SOLD, 0.9), BY_HINT: 3.0, BY_LEDGER: None}
BEFORE, DURING = "ordinary calls before a drop", "ordinary calls during it"


def run_hot(options: Options) -> Outcome:
    """All ledgers are verified in the end, and what was accepted is counted against them."""
    options.say("hot: starting the service")
    with (
        holdfast(options.scratch, STORES, options.store_actors) as service,
        generating(options) as generator,
        generating(options) as other,
    ):
        receive(service.target, STORES, [sku(number) for number in range(SKUS)])
        receive(service.target, STORES, HOT)
        receive(service.target, STORES, [GONE], 1)
        receive(service.target, STORES, [DROP], DROP_UNITS)
        with BlockingChannelClient(service.target) as client:
            for each in (*HOT, GONE):
                client.promote_sku(each)
        stamps, told_before = _opened(service.target, (GONE, *HOT))
        loads = _loads(service.target, options.seconds, stamps)
        rows = generator.by_turns(loads, service)
        options.say("hot: a drop beside ordinary calls")
        rows += _drop(generator, other, service, options.seconds)
        options.say("hot: verifying every journal")
        told = [*generator.told[service.mark], *other.told[service.mark]]
        ledgers = [*STORES, *(f"hot/{each}" for each in (*HOT, GONE, DROP))]
        conservation = verdict(service.target, ledgers, told, told_before)
        with BlockingChannelClient(service.target) as client:
            made = sum(client.verify_ledger(f"hot/{each}").accepted for each in HOT)
    of_hot = [place for place, name in enumerate(list(loads) * options.rounds) if name in SOLD]
    accepted = sum(generator.told[service.mark][place].accepted for place in of_hot)
    by_them = ratio(made, accepted)
    headlines = _headlines({row.name: row.figures for row in rows})
    headlines.append(Headline("reservations of hot SKUs that their own ledgers made", by_them, "", 0.99))
    return Outcome(generator.parameters(len(STORES), SKUS), rows, headlines, conservation)


def _opened(target: str, skus: tuple[str, ...]) -> tuple[dict[str, str], int]:
    """One call in each shop for each hot SKU: how keys may end, by "shop SKU", and how many of them were accepted."""
    stamps: dict[str, str] = {}
    accepted = 0
    with grpc.insecure_channel(target) as channel:
        stub = stubs.ReservationServiceStub(channel)
        for place in ((store_id, each) for store_id in STORES for each in skus):
            request = rs.ReserveRequest(
                idempotency_key=key(),
                store_id=place[0],
                lines=[{"sku": place[1], "quantity": 1}],
                customer_id=key(),
                channel=CHANNEL,
                first_attempt=True,
            )
            answer = stub.Reserve(request)
            stamps[" ".join(place)] = answer.key_stamp
            accepted += answer.HasField("reservation")
    return stamps, accepted


def _loads(target: str, seconds: float, stamps: dict[str, str]) -> dict[str, Load]:
    load = Load("frames", target, RESERVE_BATCH, STORES, IN_FLIGHT, seconds, SKUS, batch=BATCH, stamps=stamps)
    load = replace(load, first_attempt=True)
    return {
        "ordinary": load,
        "one hot SKU": replace(load, sku=HOT[0]),
        "three hot SKUs": replace(load, sku=" ".join(HOT)),
        BY_LEDGER: replace(load, sku=GONE, first_attempt=False),
        BY_HINT: replace(load, sku=GONE),
    }


def _drop(generator: Generator, other: Generator, service: Service, seconds: float) -> list[Row]:
    """Ordinary calls before it and meanwhile, and the drop itself. Nobody knows stamps when it begins."""
    takes_s = DROP_TIMES * seconds
    ordinary = Load("frames", service.target, RESERVE, STORES, IN_FLIGHT, takes_s, SKUS, rate=ORDINARY_PER_S)
    rate = DROP_PER_S / DROP_BATCH
    drop = replace(ordinary, method=RESERVE_BATCH, batch=DROP_BATCH, rate=rate, sku=DROP, first_attempt=True)
    before = other.measure(ordinary, service)
    with BlockingChannelClient(service.target) as client:
        client.promote_sku(DROP)
    found: list[dict[str, float]] = []
    drop, together = replace(drop, seconds=takes_s + seconds), Barrier(2)
    beside = Thread(target=lambda: found.append(generator.measure(drop, service, together)))
    beside.start()
    during = other.measure(ordinary, service, together)
    beside.join()
    return [Row(BEFORE, before), Row(DURING, during), Row("the drop", *found)]


def _headlines(figures: dict[str, dict[str, float]]) -> list[Headline]:
    def to_ordinary(name: str, figure: str) -> float:
        return ratio(figures[name][figure], figures["ordinary"][figure])

    p99 = ratio(figures[DURING]["p99_ms"], figures[BEFORE]["p99_ms"])
    return [
        *(Headline(f"{name}, to ordinary", to_ordinary(name, "per_s"), "times", TARGETS[name]) for name in TARGETS),
        *(
            Headline(f"CPU of {name}, to ordinary", to_ordinary(name, "cpu_us"), "times")
            for name in (BY_LEDGER, BY_HINT)
        ),
        Headline("p99 of ordinary calls during a drop, to before", p99, "times", 2.0, at_most=True),
    ]
