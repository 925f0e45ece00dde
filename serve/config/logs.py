"""How the service's processes write their logs: one JSON object a line, or text for a person at a terminal."""

import logging
import sys
from typing import Final

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


def log_handler() -> logging.Handler:
    """What renders the lines. Modules log through `logging`; what they give as `extra` becomes fields beside
    `timestamp`, `level`, `logger` and `message`.
    """
    renderers = (structlog.dev.ConsoleRenderer(),) if sys.stderr.isatty() else _AS_JSON
    handler = logging.StreamHandler()
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_FIELDS, processors=[ProcessorFormatter.remove_processors_meta, *renderers]
        )
    )
    return handler
