"""What can be called of an actor, and how its arguments and results are encoded: by the annotations of its class."""

from collections.abc import Callable
from functools import lru_cache
from inspect import Parameter, signature
from typing import Any, Final, NamedTuple, TypeVar, get_type_hints

import msgspec

CLASSES_MAX: Final = 16  # of actors: there are four
_MARK: Final = "__rpc__"

F = TypeVar("F", bound=Callable[..., Any])


class Method(NamedTuple):
    """One method's codec. Arguments are an array; those at its end that have defaults may be left out, so that a
    caller of the version before is understood.
    """

    read_arguments: Callable[[bytes], tuple[Any, ...]]
    read_result: Callable[[bytes], Any]


def rpc(method: F) -> F:
    """Mark a method of an actor's class as one that gateways may call. Its annotations are its codec."""
    setattr(method, _MARK, True)
    return method


@lru_cache(maxsize=CLASSES_MAX)
def methods_of(actor_class: type[Any]) -> dict[str, Method]:
    """The class's methods that gateways may call, by name."""
    found = {name: getattr(actor_class, name) for name in dir(actor_class) if not name.startswith("_")}
    return {name: _method(function) for name, function in found.items() if getattr(function, _MARK, False)}


def _method(function: Callable[..., Any]) -> Method:
    hints = get_type_hints(function)
    parameters = list(signature(function).parameters.values())[1:]  # without self
    fields: list[Any] = [
        (each.name, hints[each.name]) + (() if each.default is Parameter.empty else (each.default,))
        for each in parameters
    ]
    arguments = msgspec.defstruct(function.__name__, fields, array_like=True, forbid_unknown_fields=True)
    read = msgspec.msgpack.Decoder(arguments).decode
    return Method(
        lambda raw: msgspec.structs.astuple(read(raw)),
        msgspec.msgpack.Decoder(hints["return"]).decode,
    )
