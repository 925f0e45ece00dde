"""The shape of all messages in a format: every kind by its owner and tag, its fields, and the values of enums; and the
methods by which gateways call actors.
"""

import re
from collections.abc import Iterator
from enum import Enum
from inspect import Parameter, signature
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from actors.chain_actor import ChainActor
from actors.core.chain import ChainEvent, ChainPart
from actors.customer_actor import CustomerActor
from actors.hot_sku_actor import HotSkuActor
from actors.notices import events as notice_events, snapshot as notice_snapshot
from actors.notifier_actor import NotifierActor
from actors.orders import commands as order_commands, events as order_events, snapshot as order_snapshot
from actors.protocol import messages
from actors.protocol.formats import BESIDE, FORMATS, FRAMES, Writing
from actors.rpc.frames import Frame
from actors.rpc.methods import methods_of
from actors.shop import commands, events, snapshot
from actors.store_actor import StoreActor

ACTORS: Final[tuple[Any, ...]] = (ChainActor, CustomerActor, HotSkuActor, NotifierActor, StoreActor)
# What is journaled, and what goes between gateways and actors.
OWNERS: Final[dict[str, Any]] = {
    "shop events": events.Event,
    "shop snapshots": snapshot.Row,
    "shop commands": commands.Command | commands.HotCommand,
    "orders events": order_events.Event,
    "orders snapshots": order_snapshot.Row,
    "orders commands": order_commands.Command,
    "chain events": ChainEvent,
    "chain documents": ChainPart,
    "notices events": notice_events.Event,
    "notices snapshots": notice_snapshot.Row,
    "answers": messages.Answer,
}

# Kinds that had another name in this code when a format was released: what is written has no names of them.
NAMED_THEN: Final = {"BarredClaim": "Bar"}

Shape = dict[str, dict[str, list[str]]]


def shape_of(number: int) -> Shape:
    """The kinds, values and frames of a format; what came later is left out."""
    writing = Writing(number)
    later = {kind for each, added in FORMATS.items() if each > number for kind in added.kinds}
    added = [value for each, format_ in FORMATS.items() if each > number for value in format_.values]
    values = {(type(value), value) for value in (*added, *BESIDE)}  # members of two enums may be equal
    hints = [
        hint for kind in ACTORS for name in methods_of(kind) for hint in get_type_hints(getattr(kind, name)).values()
    ]
    owners = {**{owner: [union] for owner, union in OWNERS.items()}, "methods": hints}
    shape: Shape = {owner: {} for owner in owners}
    shape |= {"values": {}, "frames": {}}
    for owner, mine in owners.items():
        kinds: set[Any] = set()
        for hint in mine:
            _kinds(hint, later, kinds)
        for kind in sorted(kinds, key=_name_of):
            if issubclass(kind, Enum):
                members = [f"{each.name}={each.value}" for each in kind if (kind, each) not in values]
                shape["values"][_name_of(kind)] = members
            else:
                shape[owner][_name_of(kind)] = list(writing.fields_of(kind))
    tags = {kind.__struct_config__.tag: kind for kind in get_args(Frame)}
    came = {tag: version for version, new in FRAMES.items() for tag in new}
    for tag, kind in sorted(tags.items()):
        shape["frames"][f"{tag} of version {came.get(tag, min(FRAMES))}"] = list(kind.__struct_fields__)
    shape["values"] = dict(sorted(shape["values"].items()))
    return shape


def _kinds(hint: Any, later: set[Any], seen: set[Any]) -> None:
    """Add the kinds of messages and enums in a hint, and in their fields."""
    for each in _in(hint):
        if not isinstance(each, type) or not issubclass(each, msgspec.Struct | Enum) or each in seen or each in later:
            continue
        seen.add(each)
        if issubclass(each, msgspec.Struct):
            for field in msgspec.structs.fields(each):
                _kinds(field.type, later, seen)


def _in(hint: Any) -> Iterator[Any]:
    yield get_origin(hint) or hint
    for each in get_args(hint):
        yield from _in(each)


def _name_of(kind: type) -> str:
    """By what part of the core it is of, and its tag, if any."""
    _, part, *_ = kind.__module__.split(".")
    tag = kind.__struct_config__.tag if issubclass(kind, msgspec.Struct) else None
    return f"{part}.{NAMED_THEN.get(kind.__name__, kind.__name__)}" + (f" {tag}" if tag else "")


def methods() -> dict[str, list[str]]:
    """What gateways may call of actors: by class and name, its parameters, those with defaults marked, its result."""
    found: dict[str, list[str]] = {}
    for kind in ACTORS:
        for name in sorted(methods_of(kind)):
            hints = get_type_hints(getattr(kind, name))
            parameters = list(signature(getattr(kind, name)).parameters.values())[1:]  # without self
            said = [
                f"{each.name}{'' if each.default is Parameter.empty else '?'}: {_text(hints[each.name])}"
                for each in parameters
            ]
            found[f"{kind.__name__}.{name}"] = [*said, f"-> {_text(hints['return'])}"]
    return found


def _text(hint: Any) -> str:
    """A hint without the modules of its classes."""
    text = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
    plain = re.sub(r"[\w.]+\.(\w+)", r"\1", text)
    return re.sub(r"\w+", lambda word: NAMED_THEN.get(word[0], word[0]), plain)
