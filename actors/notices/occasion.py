"""On which occasions customers are told something, and how a notice may stand."""

from enum import IntEnum
from typing import Final


class Occasion(IntEnum):
    """What has happened, or is about to."""

    CONFIRMED = 1  # the order is placed; its estimated ready time is told where there is one
    ESTIMATED = 2  # the estimated ready time has changed
    READY = 3
    REMINDER = 4  # the time to collect is nearly over
    NO_SHOW = 5  # it is over
    RELEASED = 6  # given back by someone, as a whole
    SHORTFALL = 7  # units were missing
    TURN = 8  # units came free for who waited in line
    RECEIPT = 9  # units were handed over and paid
    REFUND = 10  # units that were handed over came back


class NoticeStatus(IntEnum):
    """How a notice stands."""

    WAITING = 1
    UNDER_WAY = 2
    SENT = 3
    FAILED = 4
    UNKNOWN = 5
    DROPPED = 6


class Dropped(IntEnum):
    """Why nothing is sent."""

    NO_CONTACT = 1
    NO_CONSENT = 2
    OTHER_CHANNEL = 3  # the customer wishes to be told by another one alone
    PAST = 4  # it would have come too late
    OVERTAKEN = 5  # what it is about has gone on
    NO_WAY_OUT = 6  # the service has none for this channel of messages


class Outcome(IntEnum):
    """What became of an attempt, as far as who sent knows."""

    SENT = 1
    NOT_SENT = 2  # for certain, and another attempt may succeed
    REFUSED = 3  # for certain, and so will any other
    UNKNOWN = 4


# Who has not been told by then is told no more: the way out, the contacts or the service were away for so long.
_DAY_MS: Final = 86_400_000
AGE_MS: Final = {
    Occasion.CONFIRMED: 2 * _DAY_MS,
    Occasion.ESTIMATED: _DAY_MS,
    Occasion.READY: 7 * _DAY_MS,
    Occasion.REMINDER: _DAY_MS,
    Occasion.NO_SHOW: 2 * _DAY_MS,
    Occasion.RELEASED: 2 * _DAY_MS,
    Occasion.SHORTFALL: 2 * _DAY_MS,
    Occasion.TURN: _DAY_MS,
    Occasion.RECEIPT: 3 * _DAY_MS,
    Occasion.REFUND: 3 * _DAY_MS,
}
# Occasions that are worth nothing once the time to collect is over, or the reservation is.
OF_OPEN: Final = frozenset({Occasion.ESTIMATED, Occasion.READY, Occasion.REMINDER, Occasion.TURN})
# What is not true any more, where it still waits, once something of the same reservation has happened.
OVERTAKEN_BY: Final = {
    Occasion.CONFIRMED: frozenset({Occasion.TURN}),
    Occasion.ESTIMATED: frozenset({Occasion.ESTIMATED}),
    Occasion.READY: frozenset({Occasion.TURN, Occasion.ESTIMATED}),
}
REPEATABLE: Final = frozenset({NoticeStatus.FAILED, NoticeStatus.UNKNOWN})
OVER: Final = frozenset({NoticeStatus.SENT, NoticeStatus.FAILED, NoticeStatus.UNKNOWN, NoticeStatus.DROPPED})
