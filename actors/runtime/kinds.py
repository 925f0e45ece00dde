"""The kinds of ledger that a host serves, each as its pure functions and decoders."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, NamedTuple

from actors.core.answers import KeyedAnswer
from actors.core.due import About, Budget
from actors.core.policy import Policy
from actors.core.transact import adopting
from actors.journal.codec import Reader
from actors.orders import (
    commands as order_commands,
    due_first as order_due_first,
    events as order_events,
    invariants as order_invariants,
    snapshot as order_snapshot,
    transact as order_transact,
)
from actors.orders.state import OrderLedger
from actors.protocol.formats import Writing
from actors.protocol.messages import batch_reader
from actors.shop import commands, due_first, events, invariants, projections, snapshot, transact
from actors.shop.hot.decide import begin_keys
from actors.shop.lines.decide import adopting_in_shop
from actors.shop.state import Ledger

_WHOLE_LINES: Final = 2  # the format in which one that waits may have a slot, or need a grant
PREPARED_EVENTS: Final = 64  # of a shop, whose tables grow by no more meanwhile: far less than makes one large
EXPIRED_AT_ONCE_MAX: Final = 200  # holds; some 2 ms under the lock


class Core(NamedTuple):
    """A kind of ledger: its pure functions, and the decoders of its messages. To the host the ledger itself is opaque,
    except for its version, time, policy, row count and earliest deadline. `expired_at_once_max`: of what is due so much
    at most before a batch; None for all of it. `prepared_events`: where nothing is due, so often what is done before a
    batch is done, by events; 0 for each batch. `expire_first`: then, of what a command is about, as `about_of` says.
    `begin`: once it was replayed, by the owner of this epoch, who had what it was `before`, None after a start.
    `adopting`: the event by which it adopts a policy.
    `restrict`: have a ledger decide by itself what this format of the service has a way to write, and no more.
    """

    empty: Callable[[str], Any]
    transact: Callable[..., Any]
    key_of: Callable[[Any], str]
    answered_by: Callable[[Any, int, int], KeyedAnswer]
    expire: Callable[..., list[Any]]
    evolve: Callable[[Any, Any, int], Any]
    check: Callable[[Any], list[Any]]
    capture: Callable[[Any], Any]
    restore: Callable[..., Any]
    read_events: Callable[[bytes], list[Any]]
    read_events_at: Callable[[bytes, Iterable[int]], list[Any]]
    read_rows: Callable[[bytes], list[Any]]
    read_batch: Callable[[bytes], tuple[int, list[tuple[str, int, Any]]]]
    nothing: Any  # a command that changes nothing, for what is done before any command
    expired_at_once_max: int | None
    about_of: Callable[[Any, Any], About | None]
    expire_first: Callable[[Any, Any, int, Budget], tuple[list[Any], bool]]
    begin: Callable[[Any, int, Any], None] = lambda _ledger, _epoch, _before: None
    adopting: Callable[[Any, Policy], Any] = adopting
    restrict: Callable[[Any, int], Any] = lambda ledger, _number: ledger
    prepared_events: int = 0


def restricted(core: Core, writing: Writing) -> Core:
    """The same kind of ledger, which decides nothing that the service's format has no way to write."""
    if writing.is_newest:
        return core

    def empty(ledger_id: str) -> Any:
        return core.restrict(core.empty(ledger_id), writing.number)

    def restore(*rows: Any, **more: Any) -> Any:
        return core.restrict(core.restore(*rows, **more), writing.number)

    transact_so = partial(core.transact, refusal_of=writing.refusal_of)
    return core._replace(transact=transact_so, empty=empty, restore=restore)


def _of_shop_in(ledger: Ledger, number: int) -> Ledger:
    """A shop's ledger that by itself writes nothing later than this format."""
    ledger.whole_lines = number >= _WHOLE_LINES
    return ledger


_EVENTS_OF_SHOPS: Final = Reader[events.Event](events.Event)
_EVENTS_OF_ORDERS: Final = Reader[order_events.Event](order_events.Event)

SHOP: Final = Core(
    Ledger,
    transact.transact,
    transact.DECIDER.key_of,
    projections.answered_by,
    transact.expire,
    transact.DECIDER.evolve,
    invariants.check,
    snapshot.Capture,
    snapshot.restore,
    _EVENTS_OF_SHOPS,
    _EVENTS_OF_SHOPS.at,
    Reader(snapshot.Row),
    batch_reader(commands.Command),
    commands.Acknowledge(()),
    EXPIRED_AT_ONCE_MAX,
    due_first.about_of,
    due_first.expire_first,
    begin_keys,
    adopting_in_shop,
    _of_shop_in,
    PREPARED_EVENTS,
)

# The ledger of a hot SKU is one of a shop's kind, with decisions of its own.
HOT: Final = SHOP._replace(transact=transact.transact_hot, read_batch=batch_reader(commands.HotCommand))

CUSTOMERS: Final = Core(
    OrderLedger,
    order_transact.transact,
    order_transact.DECIDER.key_of,
    order_transact.answered_by,
    order_transact.expire,
    order_transact.DECIDER.evolve,
    order_invariants.check,
    order_snapshot.Capture,
    order_snapshot.restore,
    _EVENTS_OF_ORDERS,
    _EVENTS_OF_ORDERS.at,
    Reader(order_snapshot.Row),
    batch_reader(order_commands.Command),
    order_commands.ReportGrant(0, 0, 0, (), ()),
    EXPIRED_AT_ONCE_MAX,
    order_due_first.about_of,
    order_transact.expire_first,
)
