"""Clients of Holdfast: `ChannelClient` for channel systems, `TillClient` for tills, each with a blocking form.

Everything that a caller needs is exported here; the rest of the package is internal. It speaks gRPC to the service and
shares no code with it but the messages of `holdfast.v1`.
"""

from holdfast.client.channel import (
    BlockingChannelClient as BlockingChannelClient,
    ChannelClient as ChannelClient,
)
from holdfast.client.errors import (
    BeyondAllotment as BeyondAllotment,
    ClientClosed as ClientClosed,
    Conflict as Conflict,
    HoldfastError as HoldfastError,
    InvalidArgument as InvalidArgument,
    NotFound as NotFound,
    OutcomeUnknown as OutcomeUnknown,
    Overloaded as Overloaded,
    PermissionDenied as PermissionDenied,
    ServiceFault as ServiceFault,
    StaleRead as StaleRead,
    TillJournalDamaged as TillJournalDamaged,
    Unauthenticated as Unauthenticated,
    Unavailable as Unavailable,
    Unsupported as Unsupported,
    Violation as Violation,
)
from holdfast.client.limits import (
    Limits as Limits,
    RetryPolicy as RetryPolicy,
    Timeouts as Timeouts,
)
from holdfast.client.models.administration import (
    CUSTOMERS_LEDGERS as CUSTOMERS_LEDGERS,
    AffectedSlot as AffectedSlot,
    BarredClaim as BarredClaim,
    ChainLimitRule as ChainLimitRule,
    Discrepancy as Discrepancy,
    Health as Health,
    HotSku as HotSku,
    LedgerStatus as LedgerStatus,
    LimitRule as LimitRule,
    LineRule as LineRule,
    LosesFirst as LosesFirst,
    OrdersVerification as OrdersVerification,
    PickRule as PickRule,
    Policy as Policy,
    PolicySet as PolicySet,
    Store as Store,
    StoreMove as StoreMove,
    StoresPut as StoresPut,
    TtlRule as TtlRule,
    Verification as Verification,
)
from holdfast.client.models.allotments import (
    Allotment as Allotment,
    AllotmentStatus as AllotmentStatus,
    AllottedLine as AllottedLine,
    HolderKind as HolderKind,
    Share as Share,
)
from holdfast.client.models.contacts import (
    Contact as Contact,
    ContactChange as ContactChange,
    ContactConsent as ContactConsent,
    MessageChannel as MessageChannel,
)
from holdfast.client.models.devices import (
    Device as Device,
    digest_of as digest_of,
    make_token as make_token,
)
from holdfast.client.models.events import Event as Event
from holdfast.client.models.notices import (
    Notice as Notice,
    NoticeDropped as NoticeDropped,
    NoticeOccasion as NoticeOccasion,
    NoticeStatus as NoticeStatus,
    NoticesVerification as NoticesVerification,
)
from holdfast.client.models.orders import (
    Candidate as Candidate,
    ExcludedCount as ExcludedCount,
    Exclusion as Exclusion,
    FoundStores as FoundStores,
    Order as Order,
    OrderPart as OrderPart,
    OrderStatus as OrderStatus,
    PartOutcome as PartOutcome,
    PickupSlots as PickupSlots,
    Place as Place,
    Slot as Slot,
    SourcingPolicy as SourcingPolicy,
    StorePlan as StorePlan,
)
from holdfast.client.models.picking import (
    PickLine as PickLine,
    PickTask as PickTask,
    Product as Product,
    ProductPlace as ProductPlace,
    ShortChoice as ShortChoice,
)
from holdfast.client.models.pickups import (
    CustomerSaid as CustomerSaid,
    LinkedPickup as LinkedPickup,
    PickupChange as PickupChange,
    PickupChangeKind as PickupChangeKind,
    PickupCode as PickupCode,
    PickupKey as PickupKey,
    PickupLink as PickupLink,
)
from holdfast.client.models.reservations import (
    HandOver as HandOver,
    Line as Line,
    NearStore as NearStore,
    PickStatus as PickStatus,
    Reason as Reason,
    Rejection as Rejection,
    ReleaseReason as ReleaseReason,
    Reservation as Reservation,
    ShortLine as ShortLine,
    Status as Status,
    TransferStatus as TransferStatus,
)
from holdfast.client.models.shortfalls import (
    LostLine as LostLine,
    ShortfallCause as ShortfallCause,
    ShortfallResolution as ShortfallResolution,
    ShortfallTask as ShortfallTask,
)
from holdfast.client.models.stock import (
    Adjustment as Adjustment,
    AdjustmentKind as AdjustmentKind,
    AllottedCounted as AllottedCounted,
    AvailabilityChange as AvailabilityChange,
    HoldsCounted as HoldsCounted,
    Position as Position,
    Shortfall as Shortfall,
    ShortfallLoss as ShortfallLoss,
    StockChange as StockChange,
    StoreAvailability as StoreAvailability,
    UnreachableStore as UnreachableStore,
)
from holdfast.client.models.transfers import (
    LossBearer as LossBearer,
    Transfer as Transfer,
    TransferLine as TransferLine,
    TransfersVerification as TransfersVerification,
)
from holdfast.client.pickup_codes import (
    ReadCode as ReadCode,
    read_pickup_code as read_pickup_code,
)
from holdfast.client.subscription import Subscription as Subscription
from holdfast.client.till import (
    BlockingTillClient as BlockingTillClient,
    TillClient as TillClient,
)
from holdfast.client.till_offline import (
    FlushReport as FlushReport,
    HandOutConflict as HandOutConflict,
)
