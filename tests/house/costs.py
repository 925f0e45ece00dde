"""What a change costs: in how many hand-written product files a thing is spelled. Each is counted by a sample that goes
the whole way, and whoever adds one of its kind has as many files to think of.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

# Lines and files of actors, serve, clients and bench together. The house as it was asked for was 25,343 lines in 170
# files; what came since stands in docs/changelog.md. Who adds a capability raises these by what it takes, in sight of
# the reviewer; who takes something out lowers them.
LINES_MAX: Final = 79_000
FILES_MAX: Final = 528
SLACK: Final = 500  # lines: a limit that is far away is none


class Cost(NamedTuple):
    """A sample, where it is looked for, which files are there for something else, and in how many it may be spelled."""

    what: str
    spelled: str
    folders: tuple[str, ...]
    others: dict[str, str]  # a path's beginning, and what that file is there for
    files_max: int


_ORDERS: Final = "an order carries the field as well"
_MOVES: Final = {
    "actors/shop/hot/units.py": "what moves from one ledger to another is said in full",
    "actors/shop/hot/projections.py": "the same",
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
            "actors/shop/picking/decide.py": "who finishes a task may mark it ready by the same step",
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


def beyond(texts: Iterable[tuple[str, str]]) -> list[str]:
    """What of lines and files is more than there may be, or so much less that the limits say nothing."""
    counted = [len(text.splitlines()) for _, text in texts]
    lines, files = sum(counted), len(counted)
    found = [] if LINES_MAX - SLACK < lines <= LINES_MAX else [f"{lines} lines; the limit is {LINES_MAX}, and near it"]
    return found if files <= FILES_MAX else [*found, f"{files} files, at most {FILES_MAX}"]
