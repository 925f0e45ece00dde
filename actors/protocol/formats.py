"""Which kind of message, field and frame came with which format, and how a service of an earlier format writes.

A service has one number, its *format*, for its journals and its line together; the chain's journal says it (see
`core.chain.FormatRaised`). Versions that know a later one go on writing as the service's format has it, so that a
version from before reads it all: kinds, fields and values that came later are left out where they say nothing, and
refused where they would say something. Every version reads the formats of all before it.

Whoever adds a kind, a field or a value declares it here, in the newest format while that is not released, and in one of
its own afterwards; `tests/house/test_formats.py` fails for one that is not. The first format is what is not named here.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, NamedTuple, get_args, get_origin

import msgspec

from actors.core.chain import ChainPart, FormatRaised
from actors.core.devices import Device, DeviceAdded, DeviceRevoked
from actors.core.message import to_json
from actors.core.packed import PackedRow
from actors.core.pickup_keys import LinkKeyMade, PickupKey, PickupKeyMade
from actors.core.policy import LineRule, PickRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import PickStatus, ReleaseReason
from actors.core.store_moves import StoreMove, StoreMoved, StoreMoving
from actors.core.transact import PolicyAdopted
from actors.notices import events as notices
from actors.notices.audit import Audit
from actors.notices.commands import Observe
from actors.notices.snapshot import HeadRow, NoticeRow, OpenRow
from actors.notices.state import Notice
from actors.orders.commands import Amend as AmendOrder, CountHold, ReportGrant
from actors.protocol.messages import Elsewhere
from actors.shop.commands import ApplyOutcome, Collect, HandOver, Reserve, ServeGranted
from actors.shop.events import Collected, Confirmed, OutcomeApplied, Served, StockCounted
from actors.shop.hot.events import KeyCeded
from actors.shop.hot.units import HotTotals, MoveIn, MoveOut
from actors.shop.lines.events import GrantAwaited
from actors.shop.lines.line import InLine
from actors.shop.picking.events import PickEvent
from actors.shop.picking.pick_task import PickCommand, PickTask
from actors.shop.returns.events import Returned
from actors.shop.returns.sale_return import CameBack, Return
from actors.shop.shortfalls.events import MoveRefused
from actors.shop.shortfalls.shortfall import NoteMoveRefused, ShortfallCause, ShortfallTask
from actors.shop.snapshot import PositionRow
from actors.shop.state import FullReservation, MovingOut
from actors.shop.transfers.events import Promised, TransferReceived
from actors.shop.transfers.in_transit import Awaits

FIRST: Final = 1

Fields = Mapping[type[msgspec.Struct], tuple[str, ...]]
_NONE: Final[Fields] = MappingProxyType({})


class Format(NamedTuple):
    """What came with a format. `brings` says for people what it makes possible; `kinds` and `values` of enums are new,
    and so are `fields` at the ends of kinds from before. `told` are fields that only tell more than was told before:
    they are left out whatever they have.
    """

    brings: tuple[str, ...]
    kinds: tuple[type[msgspec.Struct] | type[Enum], ...] = ()
    fields: Fields = _NONE
    told: Fields = _NONE
    values: tuple[Enum, ...] = ()


FORMATS: Final[dict[int, Format]] = {
    2: Format(
        (
            "a shop's own rule for its lines, and how long who is served has to take the units up",
            "a channel's quota of a SKU that serves the channel also while the SKU is hot",
            "holds of hot SKUs that move into their shops with what is left of them, whatever the clocks say",
            "shops that move from one actor to another, and another number of actors for them",
            "pickup codes, and links to customers' pages",
            "customers who are told what becomes of their orders",
            "pick tasks in shops",
            "places in line under a limit of the whole chain, with a slot or with a basket",
            "goods that come back by receipt",
            "devices that are let in to pages",
            "promises of units that are in transit to a shop, by a rule",
            "another shop for what a picker does not find",
        ),
        kinds=(
            *(FormatRaised, LineRule, KeyCeded, StoreMoving, StoreMoved, StoreMove, Elsewhere),
            *(PickupKeyMade, LinkKeyMade, PickupKey, MovingOut, GrantAwaited, ServeGranted),
            *(*get_args(notices.Event), Notice, Observe, Audit, HeadRow, NoticeRow, OpenRow),
            *(DeviceAdded, DeviceRevoked, Device),
            *(HandOver, Promised, Awaits),
            *(PickRule, PickStatus, PickTask, *get_args(PickCommand), *get_args(PickEvent)),
            *(Return, Returned, CameBack),
            *(NoteMoveRefused, MoveRefused),
        ),
        fields={
            Policy: (
                *("line_take_up_ms", "line_rules", "picks", "put_back_first", "pick_rules", "returns_within_ms"),
                "promise_in_transit",
            ),
            Reserve: ("to_shop",),
            ChainPart: ("moves", "pickup_keys", "devices", "link_keys"),
            Rejection: ("picker_id", "pick_status"),
            Served: ("grant", "ready_ms", "awaits"),
            Confirmed: ("ready_ms",),
            StockCounted: ("explained",),
            PositionRow: ("missed",),
            OutcomeApplied: ("ready_ms",),
            InLine: ("granted_by_ms", "is_late", "awaits"),
            Collect: ("hand_over",),
            Collected: ("hand_over",),
            FullReservation: ("hand_over", "came_back"),
            TransferReceived: ("awaited", "ready_ms"),
            ShortfallTask: ("near",),
            AmendOrder: ("adds",),
        },
        told={
            HotTotals: ("quotas",),
            ApplyOutcome: ("claim",),
            PolicyAdopted: ("lines", "ready_ms"),
            MoveIn: ("told_at_ms",),
            PositionRow: ("back_moved_ms",),
            MoveOut: ("timed",),
            ReportGrant: ("as_of",),
            CountHold: ("as_of",),
            PackedRow: ("laid",),
        },
        values=(
            *(Reason.HOT_CEDED, Reason.AWAITS_TRANSFER, ShortfallCause.TRANSFER, ShortfallCause.NOT_FOUND),
            *(reason for reason in Reason if Reason.PICK_TASK_NOT_FOUND <= reason <= Reason.SUBSTITUTE_NOT_ALLOWED),
            *(Reason.QUANTITY_EXCEEDS_COLLECTED, ReleaseReason.SLOT_FULL, ReleaseReason.SLOT_NOT_OFFERED),
        ),
    ),
}
NEWEST: Final = max(FORMATS)
# By version of the frames on the line, the tags of those that came with it; gateway and actor agree on one.
FRAMES: Final[dict[int, tuple[str, ...]]] = {1: (), 2: ("traced_request",)}
# Only a gateway that knows it can be told of it, whatever the format: no version from before makes such a decision.
BESIDE: Final[tuple[Enum, ...]] = (Reason.FORMAT_NOT_RAISED,)

_pack: Final[Callable[[Any], bytes]] = msgspec.msgpack.Encoder().encode
_PLAIN: Final = frozenset({int, str, bytes, bool, float, type(None), msgspec.Raw})


class BeyondFormat(Exception):
    """The service's format has no way to write this. Nothing was done."""

    def __init__(self, what: str, needed: int, number: int) -> None:
        super().__init__(
            f"{what} needs format {needed}, and this service has format {number}; where no version from before is to "
            "serve it again, stop it and give `holdfast format raise` (docs/operations.md, 'Upgrade')"
        )
        self.needed, self.number = needed, number


class _Form(NamedTuple):
    """How a kind is written: its tag, if any, its fields, each with whether something later may be in it, and those
    that are left out at their defaults, each with the format that it came with.
    """

    head: tuple[str, ...]
    fields: tuple[tuple[str, bool], ...]
    left_out: tuple[tuple[str, Any, int], ...]


class Writing:
    """How a service of one format writes: `json` into journals, `packed` on the line. Raises ValueError for a format
    that this version does not know. `json` and `packed` raise BeyondFormat.

    Of the newest format these are msgspec's own. Of an earlier one, only messages that may have something later in them
    are made into lists first: 5 us more for a Reserved (timeit).
    """

    def __init__(self, number: int = NEWEST) -> None:
        if not FIRST <= number <= NEWEST:
            raise ValueError(
                f"the journals are of format {number}, and this version knows formats up to {NEWEST}; start the later "
                "version again"
            )
        self.number = number
        self.is_newest = number == NEWEST
        self.json: Callable[[Any], bytes] = to_json
        self.packed: Callable[[Any], bytes] = _pack
        if self.is_newest:
            return
        self._later: dict[Any, int] = {}  # kinds and values, and by which format they came
        self._fields: dict[tuple[type, str], int] = {}
        self._told: set[tuple[type, str]] = set()
        for needed, added in FORMATS.items():
            if needed > number:
                self._later |= dict.fromkeys(added.kinds, needed)
                self._later |= {(type(each), each): needed for each in added.values}
                self._fields |= dict.fromkeys((*_pairs(added.fields), *_pairs(added.told)), needed)
                self._told.update(_pairs(added.told))
        self._forms: dict[type, _Form | None] = {}
        self.json = lambda value: to_json(self._written(value))
        self.packed = lambda value: _pack(self._written(value))

    def require(self, value: Any) -> None:
        """Raise BeyondFormat where it could not be written."""
        if not self.is_newest:
            self._written(value)

    def refusal_of(self, events: tuple[Any, ...]) -> Rejection | None:
        """Why a ledger does not decide so, None where it may."""
        try:
            self.require(events)
        except BeyondFormat as beyond:
            return Rejection(Reason.FORMAT_NOT_RAISED, asked=beyond.needed, available=beyond.number)
        return None

    def fields_of(self, kind: type[msgspec.Struct]) -> tuple[str, ...]:
        return kind.__struct_fields__ if self.is_newest else tuple(name for name, _ in self._form_of(kind).fields)

    def _written(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is tuple or kind is list:
            return [self._written(each) for each in value]
        if kind is dict:
            return {key: self._written(each) for key, each in value.items()}
        if isinstance(value, Enum):
            self._refuse_later((kind, value), f"{kind.__name__}.{value.name}")
            return value
        if not isinstance(value, msgspec.Struct):
            return value
        if kind not in self._forms:
            self._refuse_later(kind, kind.__name__)
            self._forms[kind] = self._form_of(kind) if self._has_later(kind, set()) else None
        form = self._forms[kind]
        if form is None:
            return value
        for name, default, needed in form.left_out:
            if getattr(value, name) != default:
                raise BeyondFormat(f"{kind.__name__}.{name}", needed, self.number)
        rest = [self._written(getattr(value, name)) if may else getattr(value, name) for name, may in form.fields]
        return [*form.head, *rest]

    def _refuse_later(self, what: Any, name: str) -> None:
        if (needed := self._later.get(what)) is not None:
            raise BeyondFormat(name, needed, self.number)

    def _form_of(self, kind: type[msgspec.Struct]) -> _Form:
        tag = kind.__struct_config__.tag
        fields = msgspec.structs.fields(kind)
        left_out = [
            (each.name, _default_of(each), self._fields[kind, each.name])
            for each in fields
            if (kind, each.name) in self._fields and (kind, each.name) not in self._told
        ]
        written = [each for each in fields if (kind, each.name) not in self._fields]
        may = [(each.name, any(self._has_later(hint, set()) for hint in _in(each.type))) for each in written]
        return _Form(() if tag is None else (str(tag),), tuple(may), tuple(left_out))

    def _has_later(self, kind: Any, seen: set[Any]) -> bool:
        """Whether something later may be in a value of this kind."""
        if kind in seen:
            return False
        seen.add(kind)
        if kind in self._later or any(kind is of for of, _ in self._fields):
            return True
        if not _is_kind(kind, msgspec.Struct):
            return _is_kind(kind, Enum) and any((kind, each) in self._later for each in kind)
        return any(self._has_later(each, seen) for field in msgspec.structs.fields(kind) for each in _in(field.type))


CURRENT: Final = Writing()


def _pairs(fields: Fields) -> list[tuple[type, str]]:
    return [(kind, name) for kind, names in fields.items() for name in names]


def _default_of(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()


def _is_kind(hint: Any, of: type) -> bool:
    return isinstance(hint, type) and issubclass(hint, of)


def _in(hint: Any) -> Iterator[Any]:
    """A hint, and those that it is made of."""
    yield get_origin(hint) or hint
    for each in get_args(hint):
        yield from _in(each)
