"""How the service's own process writes its log: to stderr, one JSON object a line or text for a person at a terminal,
and into its file. `actors.telemetry.logs` has the files of all processes.
"""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO, cast

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict, Processor

from actors.telemetry.logs import FileOfProcess, LogSettings


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


def configure_logging(settings: LogSettings) -> None:
    """Write log lines to stderr. Called once, in the service's own process."""
    logging.basicConfig(level=settings.level.upper(), handlers=[log_handler(settings.form)])


def keep_file(settings: LogSettings) -> None:
    """Write log lines into the process's file too. Raises OSError where the folder cannot be written."""
    logging.getLogger().addHandler(FileOfProcess("service", settings))


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
        if not isinstance(own, logging.FileHandler):
            cast("logging.StreamHandler[TextIO]", own).setStream(sys.stderr)
    for descriptor in (1, 2):
        os.dup2(lines.fileno(), descriptor)


def log_handler(form: str = "auto") -> logging.Handler:
    """What renders the lines: as JSON or text, or as it fits stderr. Modules log through `logging`; what they give as
    `extra` becomes fields beside `timestamp`, `level`, `logger` and `message`.
    """
    handler = logging.StreamHandler()
    for_people = sys.stderr.isatty() if form == "auto" else form == "text"
    as_text = (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),)
    handler.setFormatter(_formatter(as_text if for_people else _AS_JSON))
    return handler


def _formatter(renderers: Sequence[Processor]) -> logging.Formatter:
    return ProcessorFormatter(
        foreign_pre_chain=_FIELDS, processors=[ProcessorFormatter.remove_processors_meta, *renderers]
    )
