"""The two kinds of ledger that a host serves, each as the handful of functions that it is made of."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from actors.journal import codec, order_codec
from actors.orders import (
    evolve as order_evolve,
    invariants as order_invariants,
    snapshot as order_snapshot,
    transact as order_transact,
)
from actors.orders.state import OrderLedger
from actors.protocol.messages import command_from_wire
from actors.protocol.order_messages import order_command_from_wire
from actors.shop import evolve as shop_evolve, invariants, snapshot, transact
from actors.shop.state import Ledger


class Core(NamedTuple):
    """A ledger's pure functions, and its events as bytes. The ledger's own type is the host's business no more than
    its commands are: it has a version, a time, a policy, and says when it is due.
    """

    empty: Callable[[str], Any]
    transact: Callable[[Any, Any, int], Any]
    expire: Callable[..., list[Any]]
    evolve: Callable[[Any, Any, int], Any]
    check: Callable[[Any], list[Any]]
    capture: Callable[[Any], Any]
    restore: Callable[..., Any]
    encode_events: Callable[..., bytes]
    decode_events: Callable[[bytes], list[Any]]
    command_from_wire: Callable[[Any], Any]


SHOP: Final = Core(
    Ledger,
    transact.transact,
    transact.expire,
    shop_evolve.evolve,
    invariants.check,
    snapshot.Capture,
    snapshot.restore,
    codec.encode_events,
    codec.decode_events,
    command_from_wire,
)

CUSTOMERS: Final = Core(
    OrderLedger,
    order_transact.transact,
    order_transact.expire,
    order_evolve.evolve,
    order_invariants.check,
    order_snapshot.Capture,
    order_snapshot.restore,
    order_codec.encode_events,
    order_codec.decode_events,
    order_command_from_wire,
)
