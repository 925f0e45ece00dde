"""Log lines about what an actor decided for requests whose callers gave ids."""

import logging
from collections.abc import Sequence
from typing import Any, Final

from actors.core.answers import Recorded
from actors.core.rejection import Rejection
from actors.protocol.messages import Refusal, name_of
from actors.telemetry.traces import CARRIED

log: Final = logging.getLogger("holdfast.actor")


def outcome_of(answer: Any) -> str:
    """One word for an answer: a refusal's reason, else what it is."""
    value = answer.answer if isinstance(answer, Recorded) else answer
    value = value.rejection if isinstance(value, Refusal) else value
    return value.reason.name if isinstance(value, Rejection) else type(value).__name__


def log_decided(entries: Sequence[tuple[str, Any]], answers: Sequence[Any]) -> None:
    """A line for each command of a step that is one of such a request's, if there are any."""
    traces = CARRIED.get()
    if not traces or not log.isEnabledFor(logging.INFO):
        return
    keys = {trace.key for trace in traces}
    for (ledger_id, command), answer in zip(entries, answers, strict=True):
        if keys.isdisjoint(("", key := name_of(command))):
            continue
        kind, outcome = type(command).__name__, outcome_of(answer)
        fields = {"ledger": ledger_id, "key": key, "command": kind, "outcome": outcome}
        log.info("%s is decided: %s", kind, outcome, extra=fields)
