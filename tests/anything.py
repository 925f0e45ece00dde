"""Any message, from the types of its fields: codecs must carry what a type allows, sensible or not."""

from datetime import date
from enum import IntEnum
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from actors.core.message import Value

texts: Final = st.text(max_size=20)
integers: Final = st.integers(-(2**63), 2**63 - 1)
plain: Final = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
_SCALARS: Final[dict[Any, st.SearchStrategy[Any]]] = {
    str: texts,
    int: integers,
    bool: st.booleans(),
    type(None): st.none(),
    bytes: st.binary(max_size=3),
    date: st.dates(),
}


def of(hint: Any, arguments: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """A value of a type; `arguments` are those of the generic message that it stands in."""
    origin = get_origin(hint)
    if isinstance(hint, TypeVar):
        return of(arguments[0])
    if origin in (UnionType, Union):
        return st.one_of(*(of(each, arguments) for each in get_args(hint)))
    # Of mappings and sets at most one: several are written sorted, and a repr tells in which sequence they were.
    if origin is dict:
        return st.dictionaries(texts, of(get_args(hint)[1]), max_size=1)
    if origin is frozenset:
        return st.frozensets(of(get_args(hint)[0]), max_size=1)
    if origin is tuple:
        first, *others = get_args(hint)
        if others == [...]:
            return st.lists(of(first), max_size=3).map(tuple)
        return st.tuples(*map(of, (first, *others)))
    if origin is not None:
        return _built(origin, get_args(hint))
    if issubclass(hint, IntEnum):
        return st.sampled_from(hint)
    return _built(hint, ()) if issubclass(hint, Value | tuple) else _SCALARS[hint]


def _built(kind: Any, arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    fields = getattr(kind, "__struct_fields__", None) or kind._fields
    hints = get_type_hints(kind)
    return st.builds(kind, *(of(hints[name], arguments) for name in fields))
