"""Clients of Holdfast: `ChannelClient` for channel systems, `TillClient` for tills, each with a blocking face.

Everything that a caller needs is named here; the rest of the package is its inside. It speaks gRPC to the service and
shares no code with it but the messages of `holdfast.v1`.
"""

from clients.blocking import BlockingChannelClient
from clients.blocking_till import BlockingTillClient
from clients.channel import ChannelClient
from clients.errors import (
    ClientClosed,
    Conflict,
    HoldfastError,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    PermissionDenied,
    ServiceFault,
    StaleRead,
    TillJournalDamaged,
    Unauthenticated,
    Unavailable,
    Unsupported,
    Violation,
)
from clients.limits import Limits, Timeouts
from clients.retry import RetryPolicy
from clients.subscription import Subscription
from clients.till import FlushReport, TillClient
from clients.values.administration import (
    Discrepancy,
    Health,
    LedgerStatus,
    LimitRule,
    Policy,
    Store,
    TtlRule,
    Verification,
)
from clients.values.events import Event
from clients.values.reservations import Line, Reason, Rejection, ReleaseReason, Reservation, ShortLine, Status
from clients.values.stock import (
    Adjustment,
    AdjustmentKind,
    AvailabilityChange,
    HoldsCounted,
    Position,
    Shortfall,
    ShortfallLoss,
    StockChange,
    StoreAvailability,
)

__all__ = [
    "Adjustment",
    "AdjustmentKind",
    "AvailabilityChange",
    "BlockingChannelClient",
    "BlockingTillClient",
    "ChannelClient",
    "ClientClosed",
    "Conflict",
    "Discrepancy",
    "Event",
    "FlushReport",
    "Health",
    "HoldfastError",
    "HoldsCounted",
    "InvalidArgument",
    "LedgerStatus",
    "LimitRule",
    "Limits",
    "Line",
    "NotFound",
    "OutcomeUnknown",
    "Overloaded",
    "PermissionDenied",
    "Policy",
    "Position",
    "Reason",
    "Rejection",
    "ReleaseReason",
    "Reservation",
    "RetryPolicy",
    "ServiceFault",
    "ShortLine",
    "Shortfall",
    "ShortfallLoss",
    "StaleRead",
    "Status",
    "StockChange",
    "Store",
    "StoreAvailability",
    "Subscription",
    "TillClient",
    "TillJournalDamaged",
    "Timeouts",
    "TtlRule",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "Verification",
    "Violation",
]
