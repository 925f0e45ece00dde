"""Hot SKUs: batches for one that has a ledger of its own, over units of all shops, beside batches for what is ordinary,
by turns in one run; three of them at once; and what is sold out of one, refused by its ledger and by hints at the
gateway. Calls are first attempts, as our clients say of theirs. Figures are medians of the rounds.
"""

from dataclasses import replace
from typing import Final

from bench.load import RESERVE_BATCH, Load, generating
from bench.record import Headline, Options, Outcome, Row, medians, ratio
from bench.samples import sku
from bench.service import holdfast, receive, verdict
from holdfast.client import BlockingChannelClient, Reservation

STORES: Final = tuple(f"S{number:03d}" for number in range(16))
SKUS: Final = 2_000
HOT: Final = ("hot-0", "hot-1", "hot-2")
GONE: Final = "gone"
BATCH: Final = 256
IN_FLIGHT: Final = 8


def run_hot(options: Options) -> Outcome:
    """All ledgers are verified in the end, and what was accepted is counted against them."""
    options.say("hot: starting the service")
    with holdfast(options.scratch, STORES, options.store_actors) as service, generating(options) as generator:
        receive(service.target, STORES, [sku(number) for number in range(SKUS)])
        receive(service.target, STORES, HOT)
        receive(service.target, STORES, [GONE], 1)
        with BlockingChannelClient(service.target) as client:
            for each in (*HOT, GONE):
                client.promote_sku(each)
            # From the first answer on the gateway knows that the shop leaves it to the SKU's ledger.
            opening = [
                client.reserve(store_id, [(each, 1)], customer_id=store_id, channel="web")
                for store_id in STORES
                for each in (GONE, *HOT)
            ]
        told_before = sum(isinstance(each, Reservation) for each in opening)
        load = Load(
            "frames",
            service.target,
            RESERVE_BATCH,
            STORES,
            IN_FLIGHT,
            options.seconds,
            SKUS,
            batch=BATCH,
            first_attempt=True,
        )
        loads = {
            "ordinary": load,
            "one hot SKU": replace(load, sku=HOT[0]),
            "three hot SKUs": replace(load, sku=" ".join(HOT)),
            "sold out, refused by its ledger": replace(load, sku=GONE, first_attempt=False),
            "sold out, refused at the gateway": replace(load, sku=GONE),
        }
        rounds = [
            {name: generator.measure(each, service) for name, each in loads.items()} for _ in range(options.rounds)
        ]
        rows = [Row(name, medians([each[name] for each in rounds])) for name in loads]
        options.say("hot: verifying every journal")
        ledgers = [*STORES, *(f"hot/{each}" for each in (*HOT, GONE))]
        conservation = verdict(service.target, ledgers, generator.told[service.mark], told_before)
        with BlockingChannelClient(service.target) as client:
            made = sum(client.verify_ledger(f"hot/{each}").accepted for each in HOT)
    figures = {row.name: row.figures["per_s"] for row in rows}
    ordinary = figures["ordinary"]
    targets = {"one hot SKU": 0.9, "three hot SKUs": 0.9, "sold out, refused at the gateway": 3.0}
    headlines = [
        Headline(f"{name}, to ordinary", ratio(figures[name], ordinary), "times", targets.get(name))
        for name in figures
        if name != "ordinary"
    ]
    of_hot = [
        place for place, name in enumerate(list(loads) * options.rounds) if name.endswith(("hot SKU", "hot SKUs"))
    ]
    accepted = sum(generator.told[service.mark][place].accepted for place in of_hot)
    by_them = ratio(made, accepted)
    headlines.append(Headline("reservations of hot SKUs that their own ledgers made", by_them, "", 0.99))
    return Outcome(generator.parameters(len(STORES), SKUS), rows, headlines, conservation)
