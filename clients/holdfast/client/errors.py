"""What a call may raise. A business refusal is not among these: it is a `Rejection`, an ordinary answer.

    HoldfastError
    +-- InvalidArgument     the call itself is wrong; `violations` name the fields
    +-- NotFound            the shop, the reservation or the order is not known
    +-- Unauthenticated     the caller did not prove who it is
    +-- PermissionDenied    the caller may not do this
    +-- StaleRead           the ledger has not reached the version that the read asked for
    +-- Conflict            the change does not fit what is there now
    +-- Overloaded          refused before any work was done; `retry_after_ms` says when to ask again
    +-- Unavailable         a read was not answered in time; ask again
    |   +-- OutcomeUnknown  a change may or may not have been made; ask again with `idempotency_key`
    +-- Unsupported         the service is older than this client
    +-- ServiceFault        the service answered with a fault of its own
    +-- ClientClosed        the client was closed before or during the call
    +-- BeyondAllotment     a till was to sell more than it was given
    +-- TillJournalDamaged  the till's own file cannot be used

Each says what failed, where, why, and what to do about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that was wrong: its path in the request, and what mends it."""

    field: str
    description: str

    def is_said(self, why: str) -> bool:
        """Whether a text has what is wrong with the field."""
        wrong = self.description.rpartition("; ")[0] or self.description
        return f"{self.field}: {wrong}" in why or f"{self.field} {wrong}" in why


class HoldfastError(Exception):
    """A call that got no answer of the business. `what` failed, `where`, `why`, and the `mend`.

    `reason` and `metadata` say the same to programs where the service did: those of its `google.rpc.ErrorInfo`.
    """

    default_mend = "Read the reason and decide"
    reason = ""
    metadata: Mapping[str, str] = MappingProxyType({})

    def __init__(self, what: str, *, where: str = "", why: str = "", mend: str = "") -> None:
        self.what = what
        self.where = where
        self.why = why
        self.mend = mend or self.default_mend
        place = f" at {where}" if where else ""
        reason = f": {why}" if why else ""
        super().__init__(f"{what}{place}{reason}".rstrip(". ") + f". {self.mend}.")


class InvalidArgument(HoldfastError):
    """The call itself is wrong, and nothing was done; `violations` name the fields."""

    default_mend = "Mend the fields that are named and call again"

    def __init__(
        self, what: str, *, where: str = "", why: str = "", mend: str = "", violations: tuple[Violation, ...] = ()
    ) -> None:
        # The service's message names most of them already, but for the mend.
        unsaid = "; ".join(f"{one.field}: {one.description}" for one in violations if not one.is_said(why))
        super().__init__(what, where=where, why=f"{why} ({unsaid})" if unsaid else why, mend=mend)
        self.violations = violations


class NotFound(HoldfastError):
    """The shop, the reservation or the order is not known; nothing was done."""

    default_mend = "Check the ids; a shop must be added before it is used"


class Unauthenticated(HoldfastError):
    """The caller did not prove who it is; nothing was done."""

    default_mend = "Give the client valid credentials"


class PermissionDenied(HoldfastError):
    """The caller may not do this; nothing was done."""

    default_mend = "Ask whoever runs the service for the right"


class StaleRead(HoldfastError):
    """The ledger has not reached the version that the read asked for."""

    default_mend = "Read again in a moment, or without a version"


class Conflict(HoldfastError):
    """The change does not fit what is there now, such as a policy that was replaced; nothing was done."""

    default_mend = "Read it again and repeat the change on what is there now"


class Overloaded(HoldfastError):
    """Refused before any work was done. Nothing was changed; ask again after `retry_after_ms`."""

    default_mend = "Ask again later, and less at once"

    def __init__(self, what: str, *, where: str = "", why: str = "", mend: str = "", retry_after_ms: int = 0) -> None:
        super().__init__(what, where=where, why=why, mend=mend)
        self.retry_after_ms = retry_after_ms


class Unavailable(HoldfastError):
    """No answer came in time, after all the attempts that the call's deadline had room for."""

    default_mend = "See that the service runs and can be reached, then ask again"


class OutcomeUnknown(Unavailable):
    """A change that may or may not have been made. Asking again with the same key is safe and tells which."""

    default_mend = "Ask again with the same idempotency key"

    def __init__(self, what: str, *, where: str = "", why: str = "", mend: str = "", idempotency_key: str = "") -> None:
        told = f"{self.default_mend}, {idempotency_key}" if idempotency_key else "Read it and see whether it changed"
        super().__init__(what, where=where, why=why, mend=mend or told)
        self.idempotency_key = idempotency_key


class Unsupported(HoldfastError):
    """The service does not know this call."""

    default_mend = "Bring the service and the client to the same version"


class ServiceFault(HoldfastError):
    """The service answered with a fault of its own."""

    default_mend = "Look into the service's log at this moment"


class ClientClosed(HoldfastError):
    """The client was closed before or during the call."""

    default_mend = "Make a new client; repeat a change with the same idempotency key"


class BeyondAllotment(HoldfastError):
    """A till was to sell more than it was given, and may not; nothing was recorded."""

    default_mend = "Take units with take_allotment, or let the till sell beyond them"


class TillJournalDamaged(HoldfastError):
    """The till's own file cannot be used: it is damaged, another till's, or another process has it."""

    default_mend = "Keep the file, compare its sales with the till's receipts, and start the till with a new file"
