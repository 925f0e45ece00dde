"""What a change costs: in how many hand-written product files a thing is spelled. Each is counted by a sample that goes
the whole way, and whoever adds one of its kind has as many files to think of.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

# Lines and files of actors, serve, clients and bench together: the house as it was asked for, and what each capability
# that came later brought with it. Who adds one adds its line here; nothing else raises the sum.
HOUSE: Final = (24_643, 175)
LATER: Final = {
    "each customer's units over all shops, summed against the limits of the chain": (142, 0),
    "own connections to the actors, and the watchdog": (1_070, 6),
    "a service written by hand, to measure beside": (270, 4),
    "start and stop of processes by their id, and where to listen": (200, 1),
    "CPU per reservation against a committed figure": (96, 1),
    "grants of units under limits of the whole chain": (953, 2),
    "refusals kept as long as a copy of the call may arrive, keys as long as what they made": (100, 0),
    "answers read back from the journal": (505, 3),
    "checkpoints of the journal that may not fail in silence": (54, 0),
    "a fault boundary for each ledger": (110, 1),
    "a clock that goes on over a kill": (95, 0),
    "a till's receipts, and what copies and restores do to it": (250, 1),
    "a share of a gateway's places for each actor, and no waiting for one that is away": (70, 0),
    "one question an actor for all streams, answered when something has happened": (150, 2),
    "rules of one shop apart from those of the chain": (20, 0),
    "one cursor for a feed of all shops": (70, 1),
    "cursors that know whether a shop was restored behind them": (60, 0),
    "a command that ends its actor, refused by its key over gateways and restarts": (227, 1),
    "losses of actors counted over calls": (55, 1),
    "orders planned without shops whose claims are kept back": (20, 0),
    "pauses between starts and between attempts that double": (80, 1),
    "expiry in pieces, and commands deferred by what is due": (60, 1),
    "tables of what is held that grow a few entries at a time": (135, 1),
    "stale deadlines dropped some at a time": (105, 1),
    "an owner that seals, or moves what is sealed, beside its successor, told so": (17, 0),
    "shortfalls of what very many hold by who loses first": (30, 0),
    "a core benchmark behind a month of history": (30, 0),
    "measurements with as many actors as operators are advised to have": (7, 0),
    "shops that hear of an order behind its answer": (180, 1),
    "new orders of one call that go together, and what nobody waits for with the next message": (330, 3),
    "baskets of few shops planned in lists": (216, 0),
    "one deadline for a call, and leases of the parts of an order": (82, 0),
    "tries of orders, and reservations, that meet nothing but claims of others": (290, 1),
    "orders that shops which are stopped keep from being whole": (40, 0),
    "what operators bar": (180, 0),
    "what operators have paused since the last start": (12, 0),
    "grants that operators bar": (96, 0),
    "limits that count what is held already, and bind where it is said": (287, 0),
    "orders placed with one decision after their claims": (290, 0),
    "calls answered past Serve's own way": (50, 0),
    "snapshots that are read while decisions go on": (296, 1),
    "old records in sealed files": (310, 2),
    "named readers of feeds, and an archive behind what they have seen": (468, 2),
    "names of readers by number, and archives by a mark": (56, 0),
    "events of the archive fetched apart from decisions": (107, 0),
    "verification of what is beside an archive that is not there": (165, 0),
    "events of customers' ledgers in feeds": (65, 0),
    "records of a feed read once for all streams": (30, 0),
    "claims with the key of their call": (80, 0),
    "claims that were let go of, forgotten as refusals are": (57, 0),
    "rules written once, and sent to whom they concern": (153, 0),
    "no older rules than the chain's for a ledger that has none": (50, 0),
    "what stays in memory over a month, and over a day of refusals": (284, 1),
    "orders that are over read back from the journal, and the answers about them": (430, 2),
    "very many answers about one order": (58, 0),
    "outboxes of which a turn is looked at, however much waits": (97, 1),
    "baskets that change their channel, decided as a whole in each shop": (73, 0),
    "a short way for the keys and the indexes of a new order": (32, 0),
    "reservations that are over read back from the journal": (272, 2),
    "running totals of customers for whom much counts, and grants by hold and basket": (241, 1),
    "places of records, noted for many at once, whatever is damaged, and again once it is mended": (239, 1),
    "journals in a Redis, its settings, and stamps of journals": (942, 6),
    "writes that a replica of a Redis has before they are answered": (30, 0),
    "copies of journals, proved, and Redis measured beside SQLite": (280, 2),
    "connections passed through to gateways, and no call cancelled that waits": (32, 0),
    "shortfalls by an index of who holds a position's units": (123, 2),
    "fair shares of a queue by SKU and channel": (130, 1),
    "first attempts refused by what a shop has just said to be sold out": (269, 1),
    "refusals in batches measured beside what is accepted": (41, 0),
    "transfers between shops, in the ledgers of both ends": (1_060, 9),
    "calls for transfers, and both ends compared": (740, 6),
    "transfers in make demo, with a kill of each end": (215, 1),
    "units taken from a reservation without two copies of it": (46, 0),
    "places in line: kept units, served by arrival, passed over once": (880, 5),
    "a watch of one reservation, and who waits in line": (235, 1),
    "counts of a time to come, refused by name": (14, 0),
    "a doctor of machines that have the client alone": (16, 0),
    "times in words for people, and a mend that is told once": (22, 0),
    "a demo that refuses too few baskets by name": (6, 0),
    "histories examined for linearizability, and a violation drawn": (450, 4),
    "faults that strike at a running service, and the report of what held": (2_240, 14),
    "kills counted beside a flood, an upgrade and a start beside what is left, among the faults": (247, 1),
    "ledgers recovered when they are first asked for, and the rest in turn": (85, 1),
    "units handed to tills and channels": (2_199, 14),
    "a till that is cut off, in the demo": (140, 1),
    "which SKUs are hot, as the chain says, and calls for it": (478, 2),
    "tasks of a stopped ledger that rest, in a file of their own": (42, 1),
    "a line of 200 in the demo, and who was served when": (220, 2),
    "tasks of shortfalls, losers first in line, and ways out": (811, 11),
    "ledgers of hot SKUs: units by totals, keys by the other's word, holds that move": (1077, 8),
    "hot SKUs at the gateway: where calls go, units fetched, moves, the keeper and rates": (1_330, 5),
    "holds of closed SKUs that end in 31 days, or are their shops'": (27, 0),
    "counts without holds refused where a hot SKU's ledger may have some": (16, 0),
    "units and moves of hot SKUs seen to behind shops that are away": (20, 0),
    "a flash sale in the demo, and hot SKUs measured": (320, 2),
    "units of hot SKUs told, and planned with, by gateways that have not heard of them": (22, 0),
    "what a shop lacks of a hot SKU brought home before its count is answered, and lost by the rule": (160, 1),
    "allotments and transfers of hot SKUs that fetch their units": (34, 0),
    "hints as old as the fetch that a refusal rests on": (28, 0),
    "first answers of hot SKUs under keys that were used again": (26, 0),
    "stamps of keys that are younger than the word of a hot SKU's shop": (115, 1),
    "hints for what is alike in a batch, one question for it, and batches looked at in slices": (124, 2),
    "ordinary calls measured beside a drop": (65, 0),
    "promotions and demotions by the revision that they are based on": (55, 0),
    "limits of the chain summed over orders as over grants, by when they came into force": (92, 1),
    "what a call is about expires first, and customers' ledgers in pieces": (204, 3),
    "ages of a till's rows over starts of its program": (38, 0),
    "limits within a shop by running totals of its customers": (180, 1),
    "calls of several things that never say that nothing was done": (5, 0),
    "fair shares of the places for orders and grants, and fewer for reads": (50, 0),
    "who waits in line is served by his channel's quota, and nobody passes by it": (95, 0),
    "log files of all processes, and the ids of callers in their lines": (440, 4),
    "metrics of gateways and actors, published by Ray": (390, 4),
    "keys of hot SKUs that are used for nothing else in their shops": (266, 3),
    "events encoded by who writes them": (17, 0),
    "ledgers read anew beside their neighbours": (143, 1),
    "units of hot SKUs kept for who waits in a shop": (80, 0),
    "actors that wait for a CPU, left alone by the watchdog": (17, 0),
    "quotas of hot SKUs, by which shops decide what the SKUs' ledgers cede to them": (60, 0),
    "rules for lines by shop, in calls and in the chain file": (112, 0),
    "shops that are away told beside those that answer": (261, 1),
    "several nodes of a Ray cluster: their environment, and actors and gateways that follow them": (375, 2),
    "load in an open loop: its scenarios, live picture, knee, proof and report": (3_240, 14),
    "the service as an application that Serve deploys by a file, and its keeper": (70, 0),
    "calls and batches that do not look for what no chain, or no batch, has": (20, 0),
    "a format of what a service writes, declared, kept, and raised by its operator": (490, 2),
    "hand-outs of a till that are said each by itself": (62, 0),
    "pauses of shops that ledgers of hot SKUs adopt before they are answered": (12, 0),
    "hot SKUs seen to by a task for each actor that is needed": (35, 0),
    "ledgers of hot SKUs that searches wait for once": (15, 0),
    "ledgers of hot SKUs asked for keys that did not answer before": (12, 0),
    "changes of hot SKUs' stock answered by their shops' decisions alone": (25, 0),
    "terms of a till by the clock of its machine, and first ids of hot SKUs' reservations": (82, 0),
    "reservations that stay whole while a till has them, also as parts of orders": (32, 0),
    "one time to take up what a line has served, however it is asked for": (35, 0),
    "loads measured together that begin together, and make no more than is due": (14, 0),
    "claims that are let go of by what they are, and not by their number alone": (24, 0),
    "shops that move from one actor to another, carried by any gateway, and another number of actors": (1_215, 10),
    "actors that say what is uncounted only while they are in office": (4, 0),
    "tills that end before their shop does": (6, 0),
    "questions by which a ledger that is back is found out": (16, 0),
    "how customers are reached, sealed at rest and apart from ledgers, with its calls": (31_064, 13),
    "customers who are told what becomes of their orders, once, by a notifier with a journal of its own": (2_432, 26),
    "customers told in the demo, by a mail server that kills the notifier": (312, 2),
    "attempts that begin with what may arrive, and not with a connection": (28, 0),
    "customers told that what was not found is ready later": (8, 0),
    "connections of callers that are encrypted, by certificates that may be renewed": (260, 2),
    "a counter in the demo, with codes, tills and a kill": (190, 1),
    "changes of pickups, told to tills": (210, 1),
    "pickup codes, their keys, and what a till finds by them": (780, 8),
    "keys asked of each hot SKU that may have them, refusals included": (59, 0),
    "keys of hot SKUs in one filter for all shops of an actor": (201, 1),
    "looks at who waits in line that hold nobody up": (43, 0),
    "rules for lines told by the feed of what is available": (25, 0),
    "holds of hot SKUs that move with what is left of them": (35, 0),
    "ledgers of forgotten hot SKUs that are in no memory": (85, 1),
    "peers over Redis, Valkey and PostgreSQL, measured beside it, and all of them killed": (1_300, 9),
    "CPU of a reservation over shops, live holds, and gateways with actors": (250, 1),
    "pick tasks: the queue, claims, ticks, short picks and putting back, and their audit": (2_078, 15),
    "a table of products: whose a code is, where they stand, what may take their place": (290, 3),
    "batches that are answered beside a shop that hangs, and calls for it that go apart": (367, 3),
    "places in line under a limit of the whole chain, and the grants that are asked for them": (420, 2),
    "who handed goods over, kept and told": (170, 3),
    "ledgers with much to read that are recovered beside the others": (96, 0),
    "goods that come back by receipt": (355, 4),
}
LINES_MAX: Final = HOUSE[0] + sum(lines for lines, _ in LATER.values())
FILES_MAX: Final = HOUSE[1] + sum(files for _, files in LATER.values())


class Cost(NamedTuple):
    """A sample, where it is looked for, which files are there for something else, and in how many it may be spelled."""

    what: str
    spelled: str
    folders: tuple[str, ...]
    others: dict[str, str]  # a path's beginning, and what that file is there for
    files_max: int


_ORDERS: Final = "an order carries the field as well"
_MOVES: Final = {
    "actors/shop/hot.py": "what moves from one ledger to another is said in full",
    "actors/shop/said_hot.py": "the same",
}
COSTS: Final = (
    Cost(
        "a field given at Reserve and shown in answers",
        r"\bexternal_reference\b",
        ("proto", "actors", "serve", "clients"),
        {
            **_MOVES,
            "actors/orders/": _ORDERS,
            "serve/wire/orders.py": _ORDERS,
            "clients/holdfast/client/calls/orders.py": _ORDERS,
            "clients/holdfast/client/models/orders.py": _ORDERS,
            "proto/holdfast/v1/order.proto": _ORDERS,
        },
        10,
    ),
    Cost(
        "the same field, also through orders",
        r"\bexternal_reference\b",
        ("proto", "actors", "serve", "clients"),
        _MOVES,
        20,
    ),
    Cost(
        "a mutating call",
        r"\b(MarkReservationReady\w*|MarkReady|ReadyMarked\w*|mark_ready|ready_marked|MARK_READY)\b",
        ("proto", "actors", "serve", "clients"),
        {
            "serve/wire/orders.py": "MarkOrderReady takes the same step in each shop of an order",
            "serve/wire/pickups.py": "tills are told of it, which is what they wait for",
            "actors/notices/": "customers are told of it",
            "actors/shop/decide_picking.py": "who finishes a task may mark it ready by the same step",
        },
        12,
    ),
    Cost(
        "a journal, beside its own modules",
        r"\b(SqliteJournal|sqlite_setting)\b",
        ("actors", "serve"),
        {"actors/journal/sqlite": "its own"},
        2,
    ),
    Cost(
        "a kind of actor, beside its core and its class",
        r"\b(CustomerActor|ActorKind\.CUSTOMERS|CUSTOMERS)\b",
        ("actors",),
        {"actors/customer_actor.py": "its class"},
        3,
    ),
)


def spelled_in(cost: Cost, texts: Iterable[tuple[str, str]]) -> list[str]:
    """The paths whose texts spell the sample; `texts` are (path, text)."""
    spelled = re.compile(cost.spelled)
    return [
        path
        for path, text in texts
        if path.startswith(cost.folders) and not path.startswith(tuple(cost.others)) and spelled.search(text)
    ]


def too_large(texts: Iterable[tuple[str, str]]) -> list[str]:
    """What of lines and files is more than there may be."""
    lines = [len(text.splitlines()) for _, text in texts]
    found = [] if sum(lines) <= LINES_MAX else [f"{sum(lines)} lines, at most {LINES_MAX}"]
    return found if len(lines) <= FILES_MAX else [*found, f"{len(lines)} files, at most {FILES_MAX}"]
