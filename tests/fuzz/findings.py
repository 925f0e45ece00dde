"""What may not happen, whatever was asked: an error of ours, an answer that is none, a log line without a name."""

import json
import logging
from pathlib import Path
from typing import Any, Final, Self

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from serve.calls import TIMEOUT_KEY
from tests.fuzz.requests import Shot
from tests.gateway.front import Answer
from tests.house.documents import documented_reasons

ROOT: Final = Path(__file__).parents[2]
CODE: Final = grpc.StatusCode
NEVER: Final = (CODE.INTERNAL, CODE.UNKNOWN, CODE.DATA_LOSS, CODE.ABORTED, CODE.PERMISSION_DENIED, CODE.UNIMPLEMENTED)
# Nothing is away, so what is not available is claimed by an order that somebody drew beside it.
UNAVAILABLE: Final = ("ORDER_UNDECIDED",)
# gRPC's own: a call that we end, or a message beyond what it takes.
WITHOUT_REASON: Final = (CODE.CANCELLED, CODE.RESOURCE_EXHAUSTED)
PAYLOAD_TOLD_MAX: Final = 200
OF_LINE: Final = "holdfast.rpc"  # whose callers are told what they asked for that is not there
LEVELS: Final = ("debug", "info", "warning")

REASONS: Final = documented_reasons((ROOT / "docs" / "errors.md").read_text(encoding="utf-8"))


class Found(AssertionError):
    """A finding, with what was asked."""


def judge(shot: Shot, method: MethodDescriptor, answer: Answer) -> None:
    """Raises Found where an answer, or the answer to an item of it, may not be."""
    code = answer.code
    if code in NEVER:
        raise _found(shot, f"{code.name} {answer.reason}: {answer.message}")
    if code is not CODE.OK:
        if not answer.reason and code in WITHOUT_REASON:
            return
        if (code.name, answer.reason) not in REASONS:
            raise _found(shot, f"{code.name} with the reason {answer.reason!r}, which docs/errors.md does not have")
        if code is CODE.UNAVAILABLE and answer.reason not in UNAVAILABLE and not _is_hasty(shot):
            raise _found(shot, f"{answer.reason} where nothing is away: {answer.message}")
        return
    kind = GetMessageClass(method.output_type)
    for reply in answer.replies:
        if not isinstance(reply, kind):
            raise _found(shot, f"the reply is a {type(reply).__name__}")
        for place, outcome in enumerate(getattr(reply, "outcomes", ())):
            _judge_item(shot, place, outcome)


def _is_hasty(shot: Shot) -> bool:
    """Whether the caller gave a time of its own, which may be none."""
    return any(key == TIMEOUT_KEY for key, _ in shot.metadata)


def _judge_item(shot: Shot, place: int, outcome: Any) -> None:
    if outcome.WhichOneof("result") is None:
        raise _found(shot, f"item {place} has no outcome")
    error = outcome.error
    if not outcome.HasField("error"):
        return
    names = {code.value[0]: code.name for code in CODE}
    if (names[error.code], error.reason) not in REASONS or CODE[names[error.code]] in NEVER:
        raise _found(shot, f"item {place}: {names[error.code]} {error.reason}: {error.message}")


def _found(shot: Shot, what: str) -> Found:
    told = shot.payload[:PAYLOAD_TOLD_MAX]
    more = len(shot.payload) - len(told)
    return Found(
        f"{shot.method} {shot.metadata or ''}: {what}\n  asked: {told.hex()}{f' and {more} more' * (more > 0)}"
    )


class Records(logging.Handler):
    """Judges what this process logs, as long as it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self._faults: list[str] = []

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if fault := judge_record(record):
            self._faults.append(fault)

    def faults(self) -> list[str]:
        """What was wrong since the last time."""
        found, self._faults = self._faults, []
        return found


def judge_record(record: logging.LogRecord) -> str:
    """What is wrong with a log record, empty where nothing is."""
    message, error = record.getMessage(), (record.exc_info or (None, None))[1]
    if record.name in ("", "root") or not message.strip():
        return f"a line without a name: {record.name!r}: {message!r}"
    is_refusal = record.name == OF_LINE and isinstance(error, ValueError | LookupError)
    return f"{record.name}: {message}: {error!r}" if record.levelno >= logging.ERROR and not is_refusal else ""


def judge_line(line: bytes) -> str:
    """What is wrong with a line of a log file, empty where nothing is."""
    try:
        told = json.loads(line)
    except ValueError:
        return f"no JSON: {line[:PAYLOAD_TOLD_MAX]!r}"
    if not isinstance(told, dict) or not all(str(told.get(name, "")).strip() for name in ("logger", "message")):
        return f"a line without a name: {line[:PAYLOAD_TOLD_MAX]!r}"
    if told["logger"] == "root" or told.get("level") not in LEVELS:
        return f"{told['logger']}: {told['message']} {told.get('exception', '')}"
    return ""
