"""What every check of a ledger reports: the invariants that do not hold."""

from actors.core.message import Value


class Violation(Value, frozen=True):
    """A broken invariant: its name (I1 to I16, docs/design.md), its subject, the expected and the found value."""

    invariant: str
    subject: str
    expected: str
    found: str
