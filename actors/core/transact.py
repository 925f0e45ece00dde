"""How both kinds of ledger process a command: recall, decide, evolve; and the events that both have."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from actors.core.answers import KeyedAnswer, Recorded
from actors.core.message import Message
from actors.core.policy import Policy
from actors.core.rejection import UNRECORDED, Reason, Rejection

KEY_REUSED: Final = Recorded("", 0, Rejection(Reason.IDEMPOTENCY_KEY_REUSED))


class Refused(Message, frozen=True):
    """A command was refused. `command` is its class name, for readers of the feed; `key` its remembered key, `call_key`
    that of the call that it was a claim of.
    """

    key: str
    fingerprint: str
    command: str
    rejection: Rejection
    call_key: str = ""


def refused_by(event: Any, version: int) -> KeyedAnswer:
    """The key that the event of this version refused, and its answer."""
    assert isinstance(event, Refused), "the index names no other"
    return event.key, Recorded(event.fingerprint, version, event.rejection), event.call_key


class PolicyAdopted(Message, frozen=True):
    """The ledger decides by this policy from here on. `kept` names its fields that are as they were before in this
    journal, and are left out. `lines`: the SKUs of which other units are kept for who waits than before, told for those
    who watch what is available. `ready_ms`: when the pick tasks have to be ready that begin with it.
    """

    policy: Policy
    kept: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    ready_ms: int = 0


def adopting(ledger: Any, policy: Policy) -> PolicyAdopted:
    """The event by which a ledger adopts a policy."""
    return PolicyAdopted(*policy.apart_from(ledger.policy))


# The events in sequence, none where the command changes nothing; or why it is refused.
Decision = tuple[Any, ...] | Rejection


class Deferred(Message, frozen=True):
    """More is due to expire than could be expired before this command, which without it is refused, takes units from
    others or counts those of holds; or what answers it is fetched from an archive. Nothing was done; it is to be sent
    again.
    """


class Decider(msgspec.Struct, frozen=True):
    """A kind of ledger as its pure functions.

    `key_of` returns the key that a command's answer is remembered by, empty where there is none; `recall` the
    remembered answer or None; `standing` the answer where the events give none, as of this time. `waits_for_due`: the
    kinds of events that must not be decided while there are units that are due. `call_of`: the key of the call that it
    is a claim of. `with_answer` returns events that say what was answered, where they do not already.
    """

    key_of: Callable[[Any], str]
    fingerprint_of: Callable[[Any], str]
    recall: Callable[[Any, Any], Any]
    decide: Callable[[Any, Any, int], Decision]
    evolve: Callable[[Any, Any, int], Any]
    standing: Callable[[Any, Any, tuple[Any, ...], int], Any]
    waits_for_due: tuple[type[Message], ...] = ()
    call_of: Callable[[Any], str] = lambda _: ""
    with_answer: Callable[[Any, Any], Any] | None = None


class Transacted(msgspec.Struct, frozen=True, gc=False):
    """The answer, to be sent once the events are durable. No events: a repeat, or nothing to record.

    Made for each command: in a quarter of the time of a NamedTuple, whose fields are also read more slowly.
    """

    answer: Any
    events: tuple[Any, ...]
    repeated: bool = False


def transact(
    decider: Decider,
    ledger: Any,
    command: Any,
    now_ms: int,
    is_behind: bool = False,
    refusal_of: Callable[[tuple[Any, ...]], Rejection | None] | None = None,
) -> Transacted:
    """Process one command at a ledger time, in ms; the returned events have been applied to the ledger. Raises Unread,
    with nothing done, where events have to be read first.

    `is_behind`: the ledger still has what is due. That can only be in a command's way, so what is accepted stands.
    `refusal_of`: why events may not be written in the service's format, None where they may.
    """
    answer = decider.recall(ledger, command)
    if answer is not None:
        return Transacted(answer, (), True)
    return concluded(decider, ledger, command, decider.decide(ledger, command, now_ms), now_ms, is_behind, refusal_of)


def concluded(
    decider: Decider,
    ledger: Any,
    command: Any,
    decision: Decision,
    now_ms: int,
    is_behind: bool = False,
    refusal_of: Callable[[tuple[Any, ...]], Rejection | None] | None = None,
) -> Transacted:
    """What `transact` returns once this is decided about a command whose key is new."""
    # Asked whether they are tuples: whether they are Rejections takes 0.07 us each time, as that is no plain class.
    if is_behind and (
        not isinstance(decision, tuple) or any(isinstance(event, decider.waits_for_due) for event in decision)
    ):
        return Transacted(Deferred(), ())
    if refusal_of is not None and isinstance(decision, tuple):
        decision = refusal_of(decision) or decision
    if not isinstance(decision, tuple):
        return _refuse(decider, ledger, command, decision, now_ms)
    answer, events = None, decision
    for event in events:
        answer = decider.evolve(ledger, event, now_ms) or answer
    if type(answer) is Recorded and decider.with_answer is not None:
        events = decider.with_answer(events, answer)
    return Transacted(answer or decider.standing(ledger, command, events, now_ms), events)


def _refuse(decider: Decider, ledger: Any, command: Any, rejection: Rejection, now_ms: int) -> Transacted:
    """A refusal is recorded as the key's answer too, except where its reason is in UNRECORDED."""
    key = decider.key_of(command)
    if not key or rejection.reason in UNRECORDED:
        return Transacted(Recorded("", 0, rejection), ())
    content, call_key = decider.fingerprint_of(command), decider.call_of(command)
    refused = Refused(key, content, type(command).__name__, rejection, call_key)
    decider.evolve(ledger, refused, now_ms)
    return Transacted(Recorded(refused.fingerprint, ledger.version, rejection), (refused,))
