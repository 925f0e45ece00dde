"""Commands for customers' ledgers as plain tuples between the gateway and the actors; see `envelope`."""

from typing import Any, Final

from actors.core.status import ReleaseReason, Status
from actors.orders import commands as cm
from actors.orders.plain import plans_from
from actors.protocol.messages import Wire, rejection_to_wire
from actors.shop.snapshot import rejection_from

# Other numbers than the shops' commands have: what passes between does not look which kind of ledger it is for.
_OPEN, _AMEND, _REPLAN, _COMMIT, _ABANDON, _CONFIRM, _RELEASE, _EXTEND, _REPORT, _REFUSE, _FAN_OUT = range(100, 111)


def order_command_to_wire(command: cm.Command) -> Wire:
    """A command as a plain tuple."""
    match command:
        case cm.Open():
            return (_OPEN, *command[:5], tuple(map(tuple, command.plans)), *command[6:])
        case cm.Amend(key, content, number, wanted, ttl_ms):
            return (_AMEND, key, content, number, tuple(map(tuple, wanted)), ttl_ms)
        case cm.Replan(number, attempt, plans, missing):
            return (_REPLAN, number, attempt, tuple(map(tuple, plans)), missing)
        case cm.Commit():
            return (_COMMIT, *command[:-1], tuple(command.hours))
        case cm.Abandon(number, attempt, rejection):
            return (_ABANDON, number, attempt, rejection_to_wire(rejection))
        case cm.Refuse(key, content, customer_id, rejection):
            return (_REFUSE, key, content, customer_id, rejection_to_wire(rejection))
        case cm.Confirm():
            return (_CONFIRM, *command[:-1], tuple(command.hours))
        case cm.Release(key, number, reason):
            return (_RELEASE, key, number, int(reason))
        case cm.Extend():
            return (_EXTEND, *command[:-1], tuple(command.hours))
        case cm.FanOut():
            return (_FAN_OUT, *command)
        case cm.Report():
            return (_REPORT, *command[:6], int(command.status), *command[7:])


def order_command_from_wire(wire: Wire) -> cm.Command:
    """The inverse of `order_command_to_wire`."""
    kind, *fields = wire
    # What came as plain tuples is given its names again; the fields are changed in place, in the wire's sequence.
    if kind == _OPEN:
        fields[5] = plans_from(fields[5])
    elif kind == _AMEND:
        fields[3] = plans_from(fields[3])
    elif kind == _REPLAN:
        fields[2] = plans_from(fields[2])
    elif kind in (_COMMIT, _CONFIRM, _EXTEND):
        fields[-1] = cm.Hours._make(fields[-1])
    elif kind == _ABANDON:
        fields[2] = rejection_from(fields[2])
    elif kind == _REFUSE:
        fields[3] = rejection_from(fields[3])
    elif kind == _RELEASE:
        fields[2] = ReleaseReason(fields[2])
    elif kind == _REPORT:
        fields[6] = Status(fields[6])
    command: cm.Command = _KINDS[kind - _OPEN]._make(fields)
    return command


_KINDS: Final[tuple[Any, ...]] = (
    cm.Open,
    cm.Amend,
    cm.Replan,
    cm.Commit,
    cm.Abandon,
    cm.Confirm,
    cm.Release,
    cm.Extend,
    cm.Report,
    cm.Refuse,
    cm.FanOut,
)
