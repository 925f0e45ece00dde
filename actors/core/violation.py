"""What every check of a ledger finds: the invariants that do not hold."""

from actors.core.message import Value


class Violation(Value, frozen=True):
    """A broken invariant: which (I1 to I16, docs/design.md), of what, and the two that should agree."""

    invariant: str
    subject: str
    expected: str
    found: str
