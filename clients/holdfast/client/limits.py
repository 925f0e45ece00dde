"""The limits, times and retry policy of a client, each with a name, a default, and the reason for it.

A retry sends the same request with the same idempotency key, so it is always safe; the policy decides whether it is of
use. Three kinds of failure are retried:

- UNAVAILABLE: no answer, or the attempt's own deadline passed. Retried until the call's deadline.
- OVERLOADED: refused before any work. Retried after the time that the service named, until the call's deadline.
- UNCLEAR: the connection or the service broke in a way that need not heal. Retried a few times only.
"""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a client takes on at once.

    batch_items_max      the service takes no more in one batch.
    batch_orders_max     fewer where shops are looked for: all of a batch wait for the slowest order of it.
    batch_lines_max      keeps a full batch and its answer below the 4 MB that some proxies allow a message.
    batches_in_flight_max  per RPC and lane, see `lanes`; while these are in flight the next one fills. More of them
                         means smaller ones.
    late_ledgers_max     shops, and ledgers of hot SKUs, per RPC, that have batches of their own, as they did not answer
                         in time. So many at a time: where the whole service is slow, batching is what it needs.
    calls_max            unfinished calls per RPC; beyond it a call is refused with Overloaded.
    watch_silence_ms_max how long a watch tries to reconnect before it raises.
    """

    batch_items_max: int = 1_024
    batch_orders_max: int = 64
    batch_lines_max: int = 16_384
    batches_in_flight_max: int = 2
    late_ledgers_max: int = 64
    calls_max: int = 65_536
    watch_silence_ms_max: int = 60_000


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long things may take, in milliseconds.

    call_ms        a call with all its attempts, where the caller does not say.
    attempt_ms     one attempt. Long enough for a slow answer, short enough that a lost one is soon asked for again.
    verify_ms      one attempt and the whole call of a verification, which reads a journal from its beginning.
    watch_ms       one connection of a watch, which then resumes; so that none hangs for ever on a dead path.
    close_ms       how long `close` waits for calls that are under way.
    """

    call_ms: int = 10_000
    attempt_ms: int = 2_500
    verify_ms: int = 120_000
    watch_ms: int = 600_000
    close_ms: int = 2_000


TILL_TIMEOUTS = Timeouts(call_ms=30_000, attempt_ms=5_000)
"""A till has time, and its network needs it."""

TILL_LIMITS = Limits(batch_items_max=1, batches_in_flight_max=64)
"""Each of a till's hand-outs is a call of its own: all of a batch wait for its slowest, and one may be for a ledger."""

ROWS_PER_CALL_MAX = 1_000
"""Movements in one call of a till's flush. The service takes 4,096; fewer get over a poor network sooner."""


class Failure(Enum):
    """What kind of failure an attempt ended with."""

    UNAVAILABLE = "unavailable"
    OVERLOADED = "overloaded"
    UNCLEAR = "unclear"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits double from `wait_first_ms` to `wait_max_ms`; half of each is jitter.

    `attempts_max` bounds the attempts of a call whatever happens; `unclear_attempts_max` those that ended UNCLEAR.
    """

    wait_first_ms: int = 20
    wait_max_ms: int = 250
    attempts_max: int = 1_000
    unclear_attempts_max: int = 4


NO_RETRY = RetryPolicy(attempts_max=1)
"""One attempt and no more."""
