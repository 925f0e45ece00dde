"""What both kinds of ledger do with a command: recall, decide, evolve; and the events that both have."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from actors.core.answers import REMEMBERED_ANSWERS_MAX, Recorded
from actors.core.message import Message
from actors.core.policy import Policy
from actors.core.rejection import UNRECORDED, Reason, Rejection

KEY_REUSED: Final = Recorded("", 0, Rejection(Reason.IDEMPOTENCY_KEY_REUSED))


class Refused(Message, frozen=True):
    """The business said no. `command` is the call's name, for readers of the feed; `key` is as it is remembered."""

    key: str
    fingerprint: str
    command: str
    rejection: Rejection


class PolicyAdopted(Message, frozen=True):
    """The ledger decides by these rules from here on."""

    policy: Policy


class Accepted(NamedTuple):
    """The command stands; these events say how, in sequence. None: it says nothing new."""

    events: tuple[Any, ...]


class Rejected(NamedTuple):
    """The business says no."""

    rejection: Rejection


Decision = Accepted | Rejected


class Decider(NamedTuple):
    """A kind of ledger as its pure functions.

    `key_of` gives the key that a command is remembered under, empty for one that is known by its content; `recall` the
    answer that was given to it before; `standing` the answer to one whose events give none.
    """

    key_of: Callable[[Any], str]
    fingerprint_of: Callable[[Any], str]
    recall: Callable[[Any, Any], Any]
    decide: Callable[[Any, Any, int], Decision]
    evolve: Callable[[Any, Any, int], Any]
    standing: Callable[[Any, Any, tuple[Any, ...]], Any]


class Transacted(NamedTuple):
    """The answer, which may leave once the events are durable. No events: a repeat, or nothing was written down."""

    answer: Any
    events: tuple[Any, ...]
    repeated: bool = False


def transact(decider: Decider, ledger: Any, command: Any, now_ms: int) -> Transacted:
    """Answer one command at a ledger time. The ledger has moved on by the events that are returned."""
    answer = decider.recall(ledger, command)
    if answer is not None:
        return Transacted(answer, (), repeated=True)
    decision = decider.decide(ledger, command, now_ms)
    if isinstance(decision, Rejected):
        return _refuse(decider, ledger, command, decision.rejection, now_ms)
    for event in decision.events:
        answer = decider.evolve(ledger, event, now_ms) or answer
    return Transacted(answer or decider.standing(ledger, command, decision.events), decision.events)


def _refuse(decider: Decider, ledger: Any, command: Any, rejection: Rejection, now_ms: int) -> Transacted:
    """A refusal is an answer, too: it is written down, but for those that another call may not be told (UNRECORDED)."""
    key = decider.key_of(command)
    if not key or rejection.reason in UNRECORDED or ledger.answers.count >= REMEMBERED_ANSWERS_MAX:
        return Transacted(Recorded("", 0, rejection), ())
    refused = Refused(key, decider.fingerprint_of(command), type(command).__name__, rejection)
    decider.evolve(ledger, refused, now_ms)
    return Transacted(Recorded(refused.fingerprint, ledger.version, rejection), (refused,))
