"""The retry policy as a table: pure, so every number is an argument."""

import pytest

from holdfast.client.limits import NO_RETRY, Failure, RetryPolicy

POLICY = RetryPolicy(wait_first_ms=20, wait_max_ms=400, attempts_max=50, unclear_attempts_max=4)
LONG_MS = 1_000_000.0


@pytest.mark.parametrize(
    ("failure", "attempts", "unclear", "remaining_ms", "jitter", "retry_after_ms", "expected"),
    [
        # Waits double, and half of each is jitter.
        (Failure.UNAVAILABLE, 1, 0, LONG_MS, 0.0, 0, 10),
        (Failure.UNAVAILABLE, 1, 0, LONG_MS, 0.5, 0, 15),
        (Failure.UNAVAILABLE, 2, 0, LONG_MS, 0.0, 0, 20),
        (Failure.UNAVAILABLE, 5, 0, LONG_MS, 0.0, 0, 160),
        # Up to the greatest.
        (Failure.UNAVAILABLE, 6, 0, LONG_MS, 0.0, 0, 200),
        (Failure.UNAVAILABLE, 49, 0, LONG_MS, 0.0, 0, 200),
        # Tries are bounded whatever happens.
        (Failure.UNAVAILABLE, 50, 0, LONG_MS, 0.0, 0, None),
        # The call's deadline ends it: a wait that would reach it is not begun.
        (Failure.UNAVAILABLE, 1, 0, 10.1, 0.0, 0, 10),
        (Failure.UNAVAILABLE, 1, 0, 10.0, 0.0, 0, None),
        (Failure.UNAVAILABLE, 1, 0, -5.0, 0.0, 0, None),
        # An overloaded service says how long, and is never asked sooner.
        (Failure.OVERLOADED, 1, 0, LONG_MS, 0.0, 700, 700),
        (Failure.OVERLOADED, 1, 0, LONG_MS, 0.5, 700, 705),
        (Failure.OVERLOADED, 1, 0, 700.0, 0.0, 700, None),
        (Failure.OVERLOADED, 3, 0, LONG_MS, 0.0, 0, 40),
        # A broken connection is asked again a few times only; other failures do not use up its tries.
        (Failure.UNCLEAR, 3, 3, LONG_MS, 0.0, 0, 40),
        (Failure.UNCLEAR, 4, 4, LONG_MS, 0.0, 0, None),
        (Failure.UNCLEAR, 20, 1, LONG_MS, 0.0, 0, 200),
        # What is certain is not asked again.
        (Failure.FINAL, 1, 0, LONG_MS, 0.0, 0, None),
        (Failure.FINAL, 1, 0, LONG_MS, 0.0, 700, None),
    ],
)
def test_the_wait_follows_the_table(
    failure: Failure,
    attempts: int,
    unclear: int,
    remaining_ms: float,
    jitter: float,
    retry_after_ms: int,
    expected: float | None,
) -> None:
    wait_ms = POLICY.wait_ms(
        failure,
        attempts=attempts,
        unclear_attempts=unclear,
        remaining_ms=remaining_ms,
        jitter=jitter,
        retry_after_ms=retry_after_ms,
    )
    assert wait_ms == expected


@pytest.mark.parametrize("failure", list(Failure))
def test_never_again_means_one_attempt(failure: Failure) -> None:
    wait_ms = NO_RETRY.wait_ms(failure, attempts=1, unclear_attempts=1, remaining_ms=LONG_MS, jitter=0.0)
    assert wait_ms is None
