"""gRPC statuses with their details, for calls that were not decided, and rejections, which are decisions.
Under Serve, code and details are set and the method *returns*: raising would lose the details.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from actors.core.durations import duration_text
from actors.core.ids import format_order_id, format_reservation_id, is_hot, sku_of_ledger
from actors.core.rejection import Reason, Rejection
from actors.protocol.messages import Refusal
from holdfast.v1 import error_pb2
from serve.wire.fields import instant_text
from serve.wire.rules import BadField, InvalidRequest

DOMAIN: Final = "holdfast"
# A status travels in headers, and those that are larger than 8 kB are cut off on the way, the whole call with them.
VIOLATIONS_TOLD_MAX: Final = 12
FIELD_CHARS_MAX: Final = 96
MESSAGE_CHARS_MAX: Final = 1_024


class Status(NamedTuple):
    """Why a call was not decided. `reason` and `metadata` are for programs: what `message` says for people."""

    code: grpc.StatusCode
    message: str
    reason: str
    violations: tuple[BadField, ...] = ()
    retry_after_s: float = 0.0
    metadata: tuple[tuple[str, str], ...] = ()


class CallRefused(Exception):
    """Ends a call with a status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


def refused(
    code: grpc.StatusCode, reason: str, message: str, *, field: str = "", retry_after_s: float = 0.0, **metadata: str
) -> CallRefused:
    """Ends a call with a status. A `field` at fault is told as a violation, and its name is put before the message."""
    violations = (BadField(field, message),) if field else ()
    message = f"{field} {message}" if field else message
    return CallRefused(Status(code, message, reason, violations, retry_after_s, tuple(metadata.items())))


def unknown_reservation(ledger_id: str, asked: str) -> CallRefused:
    """Nobody has the reservation of this id."""
    message = f"{_in_words(ledger_id)} has no reservation {asked}, or forgot it; check the id"
    code, reason = grpc.StatusCode.NOT_FOUND, "RESERVATION_NOT_FOUND"
    return refused(code, reason, message, store_id=ledger_id, reservation_id=asked)


def _in_words(ledger_id: str) -> str:
    return f"hot SKU {sku_of_ledger(ledger_id)}" if is_hot(ledger_id) else f"shop {ledger_id}"


def invalid(error: InvalidRequest) -> Status:
    """A malformed request: its first faults, and how many more were found."""
    violations = tuple(
        BadField(_clipped(field, FIELD_CHARS_MAX), description)
        for field, description in error.violations[:VIOLATIONS_TOLD_MAX]
    )
    message = _clipped("; ".join(f"{field}: {description}" for field, description in violations), MESSAGE_CHARS_MAX)
    more = len(error.violations) - len(violations)
    message = f"{message}; and at least {more} more" if more else message
    return Status(grpc.StatusCode.INVALID_ARGUMENT, message, "INVALID_FIELDS", violations)


def within(path: str, error: BaseException) -> BaseException:
    """The same error of a request that is a part of another, at a path that ends with a dot: its fields begin so."""
    status = error.status if isinstance(error, CallRefused) else None
    violations = error.violations if isinstance(error, InvalidRequest) else status.violations if status else ()
    told = [BadField(path + field, description) for field, description in violations]
    if isinstance(error, InvalidRequest):
        return InvalidRequest(told)
    if status and told:
        return CallRefused(status._replace(message=path + status.message, violations=tuple(told)))
    return error


def _clipped(text: str, chars_max: int) -> str:
    """Bounded in bytes: the details travel in a header of 8 kB, where what is not ASCII takes three times its bytes."""
    encoded = text.encode()
    if len(encoded) <= chars_max:
        return text
    return encoded[: chars_max - 3].decode(errors="ignore") + "…"


def unknown_store(field: str, store_id: str) -> CallRefused:
    """A shop that is not of the chain."""
    message = f"names shop {store_id!r}, which the chain does not have; add it with PutStores"
    return refused(grpc.StatusCode.NOT_FOUND, "STORE_UNKNOWN", message, field=field, store_id=store_id)


def unknown_hot(ledger_id: str) -> CallRefused:
    """The ledger of a SKU that is not hot, nor was lately."""
    message = f"names the ledger {ledger_id!r}, of a SKU that is not hot, nor was it lately; see ListHotSkus"
    return refused(grpc.StatusCode.NOT_FOUND, "LEDGER_UNKNOWN", message, field="store_id", ledger_id=ledger_id)


def overloaded(retry_after_s: float) -> Status:
    """Refused before any work was done."""
    message = f"too many calls are waiting, and nothing was done; ask again in {retry_after_s:g} s"
    return Status(grpc.StatusCode.RESOURCE_EXHAUSTED, message, "OVERLOADED", retry_after_s=retry_after_s)


def put(status: Status, context: Any, trailers: Sequence[tuple[str, str]] = ()) -> None:
    """Set a status on Serve's gRPC context, with trailing metadata beside it."""
    info = error_details_pb2.ErrorInfo(reason=status.reason, domain=DOMAIN, metadata=_metadata_of(status))
    details: list[Message] = [info]
    if status.violations:
        details.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
                    for field, description in status.violations
                ]
            )
        )
    if status.retry_after_s:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(int(status.retry_after_s * 1_000))
        details.append(retry)
    rich = status_pb2.Status(code=status.code.value[0], message=_clipped(status.message, 2 * MESSAGE_CHARS_MAX))
    for detail in details:
        rich.details.add().Pack(detail)
    said = rpc_status.to_status(rich)
    context.set_code(said.code)
    context.set_details(said.details)
    context.set_trailing_metadata([*said.trailing_metadata, *trailers])


def _metadata_of(status: Status) -> dict[str, str]:
    return {name: _clipped(value, FIELD_CHARS_MAX) for name, value in status.metadata}


def fill_item_error(status: Status, error: error_pb2.ItemError) -> None:
    """Say the same of one item of a batch."""
    error.code = status.code.value[0]
    error.message = status.message
    error.reason = status.reason
    error.metadata.update(_metadata_of(status))
    for field, description in status.violations:
        error.violations.add(field=field, description=description)
    if status.retry_after_s:
        error.retry_after.FromMilliseconds(int(status.retry_after_s * 1_000))


def fill_order_rejection(rejection: Rejection, ledger_id: str, store_id: str, reply: error_pb2.Rejection) -> None:
    """A refusal of an order, which a shop of it gave, or the customer's ledger; of that one `store_id` is told."""
    order_id = format_order_id(ledger_id, rejection.number) if rejection.number else ""
    fill_rejection(Refusal(version=0, rejection=rejection), rejection.store_id or store_id, reply, order_id)


def fill_rejection(refusal: Refusal, store_id: str, reply: error_pb2.Rejection, order_id: str = "") -> None:
    """A refusal, with the sentence for people. `order_id` is the order that it is about, if any."""
    rejection = refusal.rejection
    store_id = "" if rejection.over_all_shops else store_id
    reply.reason = int(rejection.reason)  # type: ignore[assignment]
    reply.message = explain(rejection, store_id, order_id)
    reply.order_id = order_id
    reply.store_id = "" if is_hot(store_id) else store_id
    reply.sku = rejection.sku
    reply.asked = rejection.asked
    reply.available = rejection.available
    if rejection.number and rejection.reason in OF_ALLOTMENTS:
        reply.allotment_id = format_reservation_id(store_id, rejection.number)
    elif rejection.number and store_id and not order_id:
        reply.reservation_id = format_reservation_id(store_id, rejection.number)
    if rejection.status is not None:
        reply.status = int(rejection.status)  # type: ignore[assignment]
    for sku, asked, available in rejection.short_lines:
        reply.short_lines.add(sku=sku, asked=asked, available=available)
    for near_id, metres, whole in rejection.near_stores:
        reply.near_stores.add(store_id=near_id, kilometres=metres / 1_000, has_everything=whole)
    reply.picker_id = rejection.picker_id
    if rejection.pick_status is not None:
        reply.pick_status = int(rejection.pick_status)  # type: ignore[assignment]
    if rejection.transfer_status is not None:
        reply.transfer_status = int(rejection.transfer_status)  # type: ignore[assignment]
    reply.version = refusal.version


@lru_cache(maxsize=1_024)
def by_hint(rejection: Rejection, store_id: str) -> error_pb2.Rejection:
    """A refusal by a hint, to be copied: there are very many of the same."""
    reply = error_pb2.Rejection(by_hint=True)
    fill_rejection(Refusal(version=0, rejection=rejection), store_id, reply)
    return reply


OF_ALLOTMENTS: Final = frozenset({Reason.ALLOTMENT_NOT_FOUND, Reason.ALLOTMENT_ENDED})
_SENTENCES: Final[dict[Reason, str]] = {
    Reason.IDEMPOTENCY_KEY_REUSED: "the idempotency key was used before with other content; use a fresh key",
    Reason.RESERVATION_NOT_FOUND: "{ledger} has no reservation {reservation}, or forgot it; check the id",
    Reason.STORE_NOT_ACCEPTING: "shop {store} takes no reservations at the moment; choose another shop",
    Reason.RESERVATION_EXPIRED: "reservation {reservation} expired; reserve again",
    Reason.TRANSITION_NOT_ALLOWED: "reservation {reservation} is {status}, and that allows no such step",
    Reason.LINE_NOT_FOUND: "reservation {reservation} has no line of {sku}",
    Reason.QUANTITY_EXCEEDS_HELD: "reservation {reservation} still holds {available} of {sku}, {asked} were named",
    Reason.QUANTITY_EXCEEDS_COLLECTED: "{available} of {sku} of reservation {reservation} were collected and have "
    "not come back, {asked} were named",
    Reason.TTL_TOO_LONG: "{asked} is longer than the {available} that the policy allows; ask for less",
    Reason.BASKET_CONFIRMED: "the basket was confirmed as reservation {reservation}; reserve under a new basket",
    Reason.OPEN_RESERVATIONS_LIMIT: "the customer may have {available} open reservations{where}",
    Reason.UNITS_LIMIT: "the customer may reserve {available} more of {sku}{where}, {asked} were asked for",
    Reason.SKU_NOT_STOCKED: "shop {store} has never stocked {sku}; choose another shop",
    Reason.INSUFFICIENT_STOCK: "shop {store} has {available} of {sku} available, {asked} were asked for",
    Reason.COUNT_TOO_OLD: "movements of {sku} from before {available} are forgotten; count again",
    Reason.PART_OF_ORDER: "reservation {reservation} is a part of an order; confirm, extend or amend the order",
    Reason.ORDER_UNDECIDED: "another change of the order is under way; ask again in a moment",
    Reason.CLAIM_ABANDONED: "the order was over before its claim came to shop {store}; reserve again",
    Reason.NO_STORE_IN_REACH: "no shops in reach have what was asked for; widen the limits, or ask for less",
    Reason.SLOT_NOT_OFFERED: "shop {store} does not offer this pickup slot; list its slots",
    Reason.SLOT_FULL: "the pickup slot in shop {store} is full, it takes {available}; list its slots",
    Reason.ALLOTMENT_NOT_FOUND: "shop {store} has no allotment {reservation}, or forgot it; check the id",
    Reason.ALLOTMENT_ENDED: "allotment {reservation} has ended; take another one",
    Reason.ALLOTMENTS_LIMIT: "shop {store} may have {available} allotments at once; return those that are not needed",
    Reason.GIVEN_TO_TILL: "reservation {reservation} was given to another till; it is handed out there",
    Reason.TRANSFER_NOT_FOUND: "there is no such transfer, or it was forgotten; check the id",
    Reason.TRANSFER_STEP_NOT_ALLOWED: "the transfer is {transfer_status}, and that allows no such step",
    Reason.OPEN_TRANSFERS_LIMIT: "shop {store} has {available} transfers on their way; receive or cancel some first",
    Reason.LINE_NOT_OFFERED: "shop {store} has {available} of {sku} available, and this cannot wait in line, by the "
    "policy, several lines or what its basket holds; ask for less, or choose another shop",
    Reason.LINE_FULL: "{available} wait for {sku} in shop {store} already; choose another shop, or ask again later",
    Reason.IN_LINE_ALREADY: "the customer waits for {sku} as reservation {reservation} already; release that one first",
    Reason.SHORTFALL_NOT_FOUND: "shop {store} has no such task, or forgot it; list its shortfalls",
    Reason.SHORTFALL_RESOLVED: "the task is closed already; list the shortfalls of shop {store}",
    Reason.HELD_ELSEWHERE: "a ledger of its own may hold units of {sku} that this count leaves out; count "
    "with the holds included, or demote the SKU",
    Reason.PICK_TASK_NOT_FOUND: "reservation {reservation} has no pick task; list those of shop {store}",
    Reason.PICK_QUEUE_EMPTY: "shop {store} has no task that nobody is at; ask again later",
    Reason.PICK_TASK_CLAIMED: "{picker} has the pick task of {reservation}; take another one",
    Reason.PICK_CLAIM_LOST: "the pick task of {reservation} is {picker}'s; claim it, or take another one",
    Reason.PICK_STEP_NOT_ALLOWED: "the pick task of {reservation} is {pick_status}, and that allows no such step",
    Reason.ARTICLE_NOT_ORDERED: "{sku} is not on the pick task of {reservation}; put it back, and take what is",
    Reason.PICKED_ALREADY: "the pick task of {reservation} takes {available} more of {sku}, {asked} were ticked",
    Reason.PICK_INCOMPLETE: "the pick task of {reservation} has {available} of {asked} of {sku}; pick the rest first",
    Reason.SUBSTITUTE_NOT_ALLOWED: "{sku} may not take the place of what is missing, by the table of products or a "
    "limit of the whole chain; choose another one, or go on without",
    Reason.AWAITS_TRANSFER: "the units of reservation {reservation} are in transit to shop {store}, expected at "
    "{available}; receive the transfer first, or release all of it",
    Reason.SOURCE_GAP: "the source's next row has the number {available}, {asked} came; send what is before it first",
}


# What `asked` and `available` are in ms; else they are numbers.
_NOTHING_TO_RETURN: Final = "nothing of reservation {reservation} that was collected is still to come back"
_IN_WORDS: Final = {
    Reason.TTL_TOO_LONG: duration_text,
    Reason.COUNT_TOO_OLD: instant_text,
    Reason.AWAITS_TRANSFER: instant_text,
}
_TOO_SOON: Final = "shops in reach have what was asked for, but cannot have it ready in time; ask for a later time"


def explain(rejection: Rejection, store_id: str, order_id: str = "") -> str:
    """One sentence for people. Without a shop it is an order's: the customer's ledger said so, or, of what was written
    down before refusals named their shop, a shop of the order.
    """
    sentence = _TOO_SOON if rejection.too_soon else _SENTENCES[rejection.reason]
    if rejection.reason is Reason.QUANTITY_EXCEEDS_COLLECTED and not rejection.sku:
        sentence = _NOTHING_TO_RETURN
    if not store_id:
        if rejection.reason is Reason.RESERVATION_NOT_FOUND:
            return f"there is no {f'order {order_id}' if order_id else 'such order'}, or it was forgotten; check the id"
        sentence = sentence.replace("reservation {reservation}", "the order").replace("shop {store}", "a shop of it")
    told = _IN_WORDS.get(rejection.reason, str)
    return sentence.format(
        store=store_id,
        ledger=_in_words(store_id),
        where=f" in shop {store_id}" if store_id else " over all shops",
        sku=rejection.sku,
        asked=told(rejection.asked),
        available=told(rejection.available),
        reservation=format_reservation_id(store_id, rejection.number),
        status=rejection.status.name if rejection.status is not None else "unknown",
        picker=rejection.picker_id or "nobody",
        pick_status=rejection.pick_status.name if rejection.pick_status is not None else "unknown",
        transfer_status=rejection.transfer_status.name if rejection.transfer_status is not None else "unknown",
    )
