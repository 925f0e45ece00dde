"""The enums of holdfast.v1. Written by `make proto`."""

from enum import IntEnum


class LosesFirst(IntEnum):
    """Who loses first where promised units are missing."""

    # In a request it means LOWEST_STATUS.
    UNSPECIFIED = 0
    # Holds, then what is confirmed, then what is ready; of these the youngest.
    LOWEST_STATUS = 1
    # The youngest, whatever it is.
    YOUNGEST = 2


class HolderKind(IntEnum):
    """Who holds an allotment."""

    # Refused: a kind is required.
    UNSPECIFIED = 0
    # A till, which sells from it also while it is cut off from the network.
    TILL = 1
    # A channel, whose reservations alone may take from it.
    CHANNEL = 2


class AllotmentStatus(IntEnum):
    """Where an allotment stands."""

    # Never sent.
    UNSPECIFIED = 0
    # Its holder may sell from it until `expires_at`.
    OPEN = 1
    # It has ended, and its till has not said what it sold: the units left are unknown until they are counted.
    UNKNOWN = 2
    # Final. What was left came back.
    RETURNED = 3
    # Final. Its time was over, and what was left came back.
    EXPIRED = 4
    # Final. It had ended, and a count has settled what its till may have sold.
    COUNTED = 5


class ReservationStatus(IntEnum):
    """Where a reservation stands. HELD -> CONFIRMED -> READY -> COLLECTED; RELEASED and EXPIRED end it from the first three.
    QUEUED comes before HELD for one that waits in line."""

    # Never sent.
    UNSPECIFIED = 0
    # Units are held until `expires_at`.
    HELD = 1
    # The order was placed; units are held until `expires_at`, now the end of the time to collect.
    CONFIRMED = 2
    # Picked, and waiting at the counter.
    READY = 3
    # Final. At least one unit was sold, the rest was released.
    COLLECTED = 4
    # Final. Given back by someone, with a reason.
    RELEASED = 5
    # Final. Given back by time.
    EXPIRED = 6
    # Held for an order over several ledgers that is not certain yet.
    CLAIMED = 7
    # Waits in line for units, and holds none, until `expires_at`. It is HELD as soon as its turn comes.
    QUEUED = 8


class ReleaseReason(IntEnum):
    """Why units were given back."""

    # In an answer: nothing was released. In a request: refused, a reason is required.
    UNSPECIFIED = 0
    # The customer changed their mind.
    CUSTOMER_CANCELLED = 1
    # The payment failed.
    PAYMENT_FAILED = 2
    # The shop could not find the goods.
    NOT_FOUND_ON_SHELF = 3
    # The customer did not come.
    NO_SHOW = 4
    # The order was refused as fraudulent.
    FRAUD = 5
    # Something else.
    OTHER = 6
    # Output only. The same basket reserved again; the new reservation took this one's place.
    REPLACED = 7
    # Output only. A count or a till showed fewer units than were promised, and this reservation lost them.
    SHORTFALL = 8
    # Output only. Its time in line was over before its turn came; it never held units, or not any more.
    NOT_SERVED = 9
    # Output only. When its turn in line came, limits forbade the units.
    LIMIT_REACHED = 10
    # Output only. When its turn in line came, its slot was full.
    SLOT_FULL = 11
    # Output only. When its turn in line came, its slot was not offered any more.
    SLOT_NOT_OFFERED = 12


class PickStatus(IntEnum):
    """The life of a pick task."""

    # Never in an answer.
    UNSPECIFIED = 0
    # Nobody is at it.
    TO_PICK = 1
    # Somebody has claimed it. Once `lease_expires_at` is over, anybody may claim it.
    PICKING = 2
    # All of it is picked.
    PICKED = 3
    # Its reservation is READY: the goods wait for the customer.
    READY = 4
    # Collected. The task is over.
    HANDED_OVER = 5
    # Its reservation is over or waits in line, and goods that were picked for it have to be put back.
    TO_PUT_BACK = 6
    # They were put back. The task is over.
    PUT_BACK = 7
    # Nothing of it was found, and its reservation is released. The task is over.
    WITHDRAWN = 8


class ShortChoice(IntEnum):
    """What becomes of units that a picker does not find, by the customer's choice."""

    # Refused: a choice is required.
    UNSPECIFIED = 0
    # They are released, and the rest goes on.
    WITHOUT = 1
    # Units of another SKU take their place, if these are available now.
    SUBSTITUTE = 2
    # They are looked for again later.
    LATER = 3
    # A shop near by has them for the customer; where none has, he goes without them.
    ELSEWHERE = 4


class TransferStatus(IntEnum):
    """Where a transfer stands. PROPOSED -> SENT -> RECEIVED; CANCELLED ends it from the first."""

    # Never sent.
    UNSPECIFIED = 0
    # Units are set aside at the source, and not available there.
    PROPOSED = 1
    # Units have left the source, and are in transit.
    SENT = 2
    # Final. What came is on hand at the destination.
    RECEIVED = 3
    # Final. Units are available at the source again.
    CANCELLED = 4


class LossBearer(IntEnum):
    """Whose loss the difference between what was sent and what came is."""

    # In an answer: all came as it was sent. In a request: the carrier, where there is a difference.
    UNSPECIFIED = 0
    # The shop that sent.
    SOURCE = 1
    # Who carried.
    CARRIER = 2
    # The shop that received.
    DESTINATION = 3


class Reason(IntEnum):
    """Why the business refused. A refusal is an ordinary answer, durable like every other, and repeated word for word when
    its idempotency key is sent again. The values up to COUNT_TOO_OLD are in order of precedence: where several apply, the
    first is given. Of the later ones, PART_OF_ORDER, ORDER_UNDECIDED and CLAIM_ABANDONED go before times, limits and
    stock, and those about slots after stock."""

    # Never sent.
    UNSPECIFIED = 0
    # The key was used before with other content. Nothing was done; use a fresh key for a new intent.
    IDEMPOTENCY_KEY_REUSED = 1
    # The ledger has no reservation of this id, or forgot it after its memory ran out.
    RESERVATION_NOT_FOUND = 2
    # The shop is known, and does not accept reservations at the moment.
    STORE_NOT_ACCEPTING = 3
    # The hold's deadline had passed when the ledger decided.
    RESERVATION_EXPIRED = 4
    # The table of transitions has no such step from the reservation's status.
    TRANSITION_NOT_ALLOWED = 5
    # The reservation has no line of this SKU.
    LINE_NOT_FOUND = 6
    # More units were named than the line still holds.
    QUANTITY_EXCEEDS_HELD = 7
    # The time asked for is longer than the rule allows; `asked` and `available` are milliseconds.
    TTL_TOO_LONG = 8
    # The basket was confirmed already; an order placed cannot be replaced by reserving again.
    BASKET_CONFIRMED = 9
    # The customer has as many open reservations as a rule allows, in this shop or over the whole chain.
    OPEN_RESERVATIONS_LIMIT = 10
    # The customer would hold more units of the SKU than a rule allows, in this shop or over the whole chain.
    UNITS_LIMIT = 11
    # The shop has never stocked this SKU.
    SKU_NOT_STOCKED = 12
    # Fewer units are available than were asked for.
    INSUFFICIENT_STOCK = 13
    # The count's instant lies before the movements that the ledger still remembers. Count again.
    COUNT_TOO_OLD = 14
    # Rows of this source are missing: `available` is the number that its next row must have. Send those before first.
    SOURCE_GAP = 15
    # The reservation is a part of an order, which alone confirms, extends and amends it.
    PART_OF_ORDER = 16
    # Another change of the order is under way. Ask again in a moment.
    ORDER_UNDECIDED = 17
    # The order was over before its claim came.
    CLAIM_ABANDONED = 18
    # No shops in reach can serve what was asked; `near_stores` names those that could, or nearly, were it for the reach.
    NO_STORE_IN_REACH = 19
    # The shop has no such pickup slot, or it is too early or too late for it.
    SLOT_NOT_OFFERED = 20
    # The pickup slot has no place left.
    SLOT_FULL = 21
    # The shop has no allotment of this id, or forgot it.
    ALLOTMENT_NOT_FOUND = 22
    # The allotment has ended.
    ALLOTMENT_ENDED = 23
    # The shop has as many allotments as it may. `available` is that number.
    ALLOTMENTS_LIMIT = 24
    # The reservation was given to a till, which may be handing it out: no other does, and no part is taken of it.
    GIVEN_TO_TILL = 25
    # The shop has no transfer of this id, or forgot it after its memory ran out.
    TRANSFER_NOT_FOUND = 26
    # The life of a transfer has no such step from its status, which is `transfer_status`.
    TRANSFER_STEP_NOT_ALLOWED = 27
    # The shop has as many transfers on their way as there may be.
    OPEN_TRANSFERS_LIMIT = 28
    # Stock is short, and this cannot wait for it: it has several lines, or its basket holds units.
    LINE_NOT_OFFERED = 29
    # As many wait for the SKU as may; `available` says how many.
    LINE_FULL = 30
    # The customer waits for this SKU already, by the reservation that is named.
    IN_LINE_ALREADY = 31
    # The shop has no such task, or forgot it.
    SHORTFALL_NOT_FOUND = 32
    # The task is closed already.
    SHORTFALL_RESOLVED = 33
    # The SKU is hot, or was, and its ledger holds units that a count without holds leaves out. Count with the holds
    # included, or demote the SKU.
    HELD_ELSEWHERE = 34
    # The reservation has no pick task: the shop does not pick, it is not confirmed, or the task is over.
    PICK_TASK_NOT_FOUND = 35
    # There is no task in the queue that nobody has. Not recorded: asked again under the same key, it is decided anew.
    PICK_QUEUE_EMPTY = 36
    # Somebody else has the task, `picker_id`, until his lease ends.
    PICK_TASK_CLAIMED = 37
    # The task is not this picker's, or not any more: his lease is over, or `picker_id` has it. Claim it again.
    PICK_CLAIM_LOST = 38
    # The life of a pick task has no such step from its status, which is `pick_status`.
    PICK_STEP_NOT_ALLOWED = 39
    # The article is not on the task.
    ARTICLE_NOT_ORDERED = 40
    # More units were ticked than the task still wants, `available`; or more ticks taken back than there are.
    PICKED_ALREADY = 41
    # Units of the SKU are not picked yet: `available` are, of `asked`.
    PICK_INCOMPLETE = 42
    # The operator's table does not allow this substitute, or a limit of the whole chain applies to it.
    SUBSTITUTE_NOT_ALLOWED = 43
    # More units were named than were collected and have not come back, `available`; or nothing that was collected is still to
    # come back.
    QUANTITY_EXCEEDS_COLLECTED = 44
    # The reservation's units are in transit to the shop, and expected at `available` (Unix time in ms). Until they have come
    # it is not picked, handed over, given to a till or amended, and released as a whole alone.
    AWAITS_TRANSFER = 45


class MessageChannel(IntEnum):
    """A way by which a customer is told something."""

    # Never sent.
    UNSPECIFIED = 0
    # By e-mail.
    EMAIL = 1
    # By a short message to the telephone.
    SMS = 2


class ShortfallCause(IntEnum):
    """What found promised units missing."""

    # Not told: from before causes were recorded.
    UNSPECIFIED = 0
    # A count.
    COUNT = 1
    # A till sold more than was free.
    SALE = 2
    # A correction: breakage, theft.
    CORRECTION = 3
    # A transfer of which less came than was promised of it.
    TRANSFER = 4
    # A picker, who did not find them; the customer is to have them in another shop.
    NOT_FOUND = 5


class ShortfallResolution(IntEnum):
    """What becomes of a task."""

    # In an answer: it is open. In a request: refused, a resolution is required.
    UNSPECIFIED = 0
    # The customer collects in another shop, where the units are held for him.
    MOVED = 1
    # The customer waits first in line for the units.
    WAITING = 2
    # The customer knows that there is nothing more; he waits no longer.
    RELEASED = 3
    # Output only. Nobody did anything about it until 1,024 later ones were open.
    NOT_HANDLED = 4
    # Output only. The customer waited first in line by the policy's rule, and got the units. Its event is the Served.
    SERVED = 5


class AdjustmentKind(IntEnum):
    """What moved."""

    # Refused: a kind is required.
    UNSPECIFIED = 0
    # Goods came in; the delta is above zero.
    RECEIPT = 1
    # Goods were sold over the counter, without a reservation; the delta is below zero.
    SALE = 2
    # Goods sold came back; the delta is above zero.
    RETURN = 3
    # The book was put right: breakage, theft, a find.
    CORRECTION = 4


class HoldsCounted(IntEnum):
    """Whether the count took in the units that were set aside for reservations."""

    # Refused: say which.
    UNSPECIFIED = 0
    # The count includes them: it is what the shop has on hand.
    INCLUDED = 1
    # They were left out: what the shop has on hand is the count plus what was reserved at that instant. Refused for a SKU of
    # which a ledger of its own may hold units.
    EXCLUDED = 2


class AllottedCounted(IntEnum):
    """Whether the count took in the units that are allotted to tills."""

    # As INCLUDED.
    UNSPECIFIED = 0
    # The count includes them. Where an allotment had ended by then, it settles what its till may have sold.
    INCLUDED = 1
    # They lay elsewhere, and were left out: what the shop has on hand is the count plus what tills had.
    EXCLUDED = 2


class NoticeOccasion(IntEnum):
    """On which occasion a customer is told something."""

    # Never sent.
    UNSPECIFIED = 0
    # The order was placed.
    CONFIRMED = 1
    # The time at which it is expected to be ready has changed.
    ESTIMATED = 2
    # The goods wait at the counter.
    READY = 3
    # The time to collect is nearly over.
    REMINDER = 4
    # Nobody has collected it: the time to collect is over, or staff have said so.
    NO_SHOW = 5
    # All of it was given back.
    RELEASED = 6
    # Units that were promised are missing.
    SHORTFALL = 7
    # Units came free for who waited in line.
    TURN = 8
    # Units were handed over.
    RECEIPT = 9
    # Units that were handed over came back.
    REFUND = 10


class NoticeStatus(IntEnum):
    """How a notice stands."""

    # Never sent.
    UNSPECIFIED = 0
    # It is sent at `next_at`.
    WAITING = 1
    # It is being sent.
    UNDER_WAY = 2
    # Who delivers it has taken it.
    SENT = 3
    # It was not sent, and is not tried again.
    FAILED = 4
    # Nobody knows whether it was sent, and it is not tried again.
    UNKNOWN = 5
    # It is not sent, see `dropped`.
    DROPPED = 6


class NoticeDropped(IntEnum):
    """Why a notice is not sent."""

    # It was not dropped.
    UNSPECIFIED = 0
    # The customer has no address for the channel of messages.
    NO_CONTACT = 1
    # The customer has not consented to that channel, or has opted out.
    NO_CONSENT = 2
    # The customer wishes to be told by another channel alone.
    OTHER_CHANNEL = 3
    # It would have come too late.
    PAST = 4
    # What it is about has gone on.
    OVERTAKEN = 5
    # The service has no way out for that channel.
    NO_WAY_OUT = 6


class SourcingPolicy(IntEnum):
    """How shops are chosen."""

    # Never sent; in a request it means ONE_STORE.
    UNSPECIFIED = 0
    # The nearest shop that has everything.
    ONE_STORE = 1
    # The fewest shops that have everything together, then the shortest way.
    SPLIT = 2
    # What can be had, by line; what is missing is named.
    PARTIAL = 3


class Exclusion(IntEnum):
    """Why a shop was not chosen. In order of precedence as they stand here, whatever their numbers: where several apply,
    the first is given."""

    # It was not excluded.
    UNSPECIFIED = 0
    # It takes no new reservations.
    PAUSED = 1
    # It does not serve the channel.
    CHANNEL_NOT_SERVED = 2
    # It has no place: nobody can say how near it is.
    NO_PLACE = 9
    # It is not open for long enough within a year to have an order ready, or has no pickup slot that starts when asked.
    CLOSED = 3
    # An order placed now is ready there only after the start of the slot that was asked for or, where none was, after
    # `collect_by` or the policy's `ttl_max` from now, whichever is sooner.
    NOT_READY_IN_TIME = 8
    # The pickup slot that was asked for is full.
    NO_CAPACITY = 4
    # It is farther than `kilometres_max`.
    TOO_FAR = 5
    # It has nothing of what was asked.
    NO_STOCK = 6
    # It has not all of what was asked.
    NOT_ENOUGH_STOCK = 7


class OrderStatus(IntEnum):
    """How an order stands as a whole."""

    # Never sent.
    UNSPECIFIED = 0
    # Shops are being asked; nothing is certain.
    OPEN = 1
    # Every part is held until `expires_at`.
    HELD = 2
    # The order was placed.
    CONFIRMED = 3
    # Final. At least one unit was sold.
    COLLECTED = 4
    # Final. Given back by someone.
    RELEASED = 5
    # Final. Given back by time.
    EXPIRED = 6
    # Final. It never became certain.
    ABANDONED = 7


class PickupChangeKind(IntEnum):
    """What happened to a pickup, as its shop's tills see it."""

    # Never sent.
    UNSPECIFIED = 0
    # It waits at the counter.
    READY = 1
    # It has other lines, another deadline or slot, was given to a till, its order has confirmed it, or a part of it was
    # collected or given back.
    CHANGED = 2
    # All that was left of it was handed over.
    COLLECTED = 3
    # It was given back, by somebody or by time: there is nothing more to hand over.
    WITHDRAWN = 4
    # Goods of it that were collected came back.
    RETURNED = 5
