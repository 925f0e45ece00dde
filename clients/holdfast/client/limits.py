"""The limits and times of a client, each with a name, a default, and the reason for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a client takes on at once.

    batch_items_max      the service takes no more in one batch.
    batch_orders_max     fewer where shops are looked for: all of a batch wait for the slowest order of it.
    batch_lines_max      keeps a full batch and its answer below the 4 MB that some proxies allow a message.
    batches_in_flight_max  per kind of call; while these fly the next one gathers. More of them means smaller ones.
    calls_max            unfinished calls per kind; beyond it a call is refused with Overloaded.
    watch_silence_ms_max how long a watch tries to come back before it gives up.
    """

    batch_items_max: int = 1_024
    batch_orders_max: int = 64
    batch_lines_max: int = 16_384
    batches_in_flight_max: int = 2
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
