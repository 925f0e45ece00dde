"""Which rules held a moment ago. Pure but for the time that it is given.

Whether a Reserve in one shop is an order is a matter of the chain's limits, and its key is remembered by the ledger
that decided: the shop's, or its customer's. Repeated after a limit was made or taken away, it must go where it went at
first. So for a while after each change, of a call that the change concerns, the other ledger is asked whether it knows
the key.
"""

from typing import Final

from actors.core.policy import Policy

KEPT_S: Final = 900.0  # nobody repeats a call for longer: it has at most ten minutes, see `calls`


class PreviousLimits:
    """Of one gateway; one that has just started knows of no change."""

    def __init__(self) -> None:
        self._now: Policy | None = None
        self._before: Policy | None = None
        self._until = 0.0

    def at(self, policy: Policy, now_s: float) -> Policy | None:
        """The policy of before a change of the chain's limits, as long as it may matter; `policy` is the one of now."""
        if policy is not self._now:
            if self._now is not None and policy.chain_limit_rules != self._now.chain_limit_rules:
                self._before, self._until = self._now, now_s + KEPT_S
            self._now = policy
        return self._before if now_s < self._until else None


def is_limited(policy: Policy, channel: str, skus: tuple[str, ...]) -> bool:
    """Whether a limit of the whole chain applies to these SKUs through this channel."""
    return bool(policy.chain_limit_rules) and any(policy.chain_limits_for(channel, sku) for sku in ("", *skus))
