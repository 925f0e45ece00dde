"""Any command, event or order, from the types of its fields: codecs must carry what a type allows, sensible or not."""

from enum import IntEnum
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

texts: Final = st.text(max_size=20)
integers: Final = st.integers(-(2**63), 2**63 - 1)
plain: Final = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def of(hint: Any) -> st.SearchStrategy[Any]:
    """A value of a type."""
    if get_origin(hint) is UnionType:
        return st.one_of(*map(of, get_args(hint)))
    if get_origin(hint) is dict:
        return st.dictionaries(texts, plain, max_size=3)
    if get_origin(hint) is tuple:
        first, *others = get_args(hint)
        if others == [...]:
            return st.lists(of(first), max_size=3).map(tuple)
        return st.tuples(of(first), *map(of, others))
    if issubclass(hint, IntEnum):
        return st.sampled_from(hint)
    if hasattr(hint, "_fields"):
        return st.builds(hint, *map(of, get_type_hints(hint).values()))
    return {str: texts, int: integers, bool: st.booleans(), type(None): st.none()}[hint]
