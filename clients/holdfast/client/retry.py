"""When to ask again. Pure: the time, the number of tries and the jitter are arguments, and nothing here waits.

A retry is the same request with the same idempotency key, so it is always safe; what is decided here is only whether it
is of use. Three kinds of failure are retried:

- UNAVAILABLE: nobody answered, or the attempt's own deadline passed. Asked again until the call's deadline.
- OVERLOADED: refused before any work. Asked again after the time the service named, until the call's deadline.
- UNCLEAR: the connection or the service broke in a way that need not heal. Asked again a few times only.
"""

from dataclasses import dataclass
from enum import Enum


class Failure(Enum):
    """What kind of failure an attempt ended with."""

    UNAVAILABLE = "unavailable"
    OVERLOADED = "overloaded"
    UNCLEAR = "unclear"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits double from `wait_first_ms` to `wait_max_ms`; half of each is jitter.

    `attempts_max` bounds the tries of a call whatever happens; `unclear_attempts_max` those that ended UNCLEAR.
    """

    wait_first_ms: int = 20
    wait_max_ms: int = 250
    attempts_max: int = 1_000
    unclear_attempts_max: int = 4

    def wait_ms(
        self,
        failure: Failure,
        *,
        attempts: int,
        unclear_attempts: int,
        remaining_ms: float,
        jitter: float,
        retry_after_ms: int = 0,
    ) -> float | None:
        """Milliseconds to wait before the next attempt; None to give up.

        `attempts` (at least 1) have failed, the last with `failure`, and `unclear_attempts` of them UNCLEAR;
        `remaining_ms` are left until the call's deadline; `jitter` is a number in [0, 1); `retry_after_ms` is what the
        service asked for, zero where it did not.
        """
        if failure is Failure.FINAL or attempts >= self.attempts_max:
            return None
        if failure is Failure.UNCLEAR and unclear_attempts >= self.unclear_attempts_max:
            return None
        # The exponent is bounded so that a long outage does not build a huge number only to cut it down.
        full_ms = min(self.wait_max_ms, self.wait_first_ms << min(attempts - 1, 20))
        wait = full_ms * (0.5 + 0.5 * jitter)
        if retry_after_ms > 0:
            # Never sooner than asked; the jitter on top spreads the callers that were refused together.
            wait = retry_after_ms + 0.5 * jitter * min(retry_after_ms, full_ms)
        return wait if wait < remaining_ms else None


NEVER_AGAIN = RetryPolicy(attempts_max=1)
"""One attempt and no more."""
