"""How the service's processes write their logs: one JSON object a line, or text for a person at a terminal."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO, cast

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict, Processor


def _without_rays_time(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Ray adds its own time stamp to every record of a process that imports it."""
    event.pop("_ray_timestamp_ns", None)
    return event


_FIELDS: Final[tuple[Processor, ...]] = (
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    ExtraAdder(),
    _without_rays_time,
)
_AS_JSON: Final[tuple[Processor, ...]] = (
    structlog.processors.format_exc_info,
    structlog.processors.EventRenamer("message"),
    structlog.processors.JSONRenderer(),
)


def configure_logging() -> None:
    """Write log lines of INFO and above to stderr. Called once in the service's own process and in each gateway's.
    Serve writes its own lines as JSON too.
    """
    logging.basicConfig(level=logging.INFO, handlers=[log_handler()])


def keep_apart(path: Path) -> None:
    """Let all that Ray and Serve write in this process go to a file, and what others start in it too. To be called once
    both are imported. Our own lines, and what Python says of an error, still go to stderr.
    """
    lines = path.open("a", encoding="utf-8", buffering=1)
    handler = logging.StreamHandler(lines)
    handler.setFormatter(_formatter(_AS_JSON))
    for name in ("ray", "ray.serve"):
        logging.getLogger(name).handlers[:] = [handler]
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    for own in logging.getLogger().handlers:
        cast("logging.StreamHandler[TextIO]", own).setStream(sys.stderr)
    for descriptor in (1, 2):
        os.dup2(lines.fileno(), descriptor)


def log_handler() -> logging.Handler:
    """What renders the lines. Modules log through `logging`; what they give as `extra` becomes fields beside
    `timestamp`, `level`, `logger` and `message`.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter((structlog.dev.ConsoleRenderer(),) if sys.stderr.isatty() else _AS_JSON))
    return handler


def _formatter(renderers: Sequence[Processor]) -> logging.Formatter:
    return ProcessorFormatter(
        foreign_pre_chain=_FIELDS, processors=[ProcessorFormatter.remove_processors_meta, *renderers]
    )
