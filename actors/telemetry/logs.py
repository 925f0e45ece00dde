"""Where a process writes its log lines: one JSON object a line, into a file of its own that stays when it ends.

The settings come by the environment, which Ray hands on to every process of a node: a cluster's nodes may differ.
structlog renders what people read at a terminal. Here it would cost each actor 14 MB and 0.2 s of its start.
"""

import fcntl
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

import msgspec

from actors.telemetry.traces import fields_for

FOLDER_VARIABLE: Final = "HOLDFAST_LOG_DIR"
MEGABYTES_VARIABLE: Final = "HOLDFAST_LOG_MB"
FORMAT_VARIABLE: Final = "HOLDFAST_LOG_FORMAT"
LEVEL_VARIABLE: Final = "HOLDFAST_LOG_LEVEL"
FILES: Final = 4  # the one that is written, and three before it
MEGABYTES_DEFAULT: Final = 64

# What `logging` keeps of a record itself; all else was given as `extra`. Ray stamps every record of its processes.
_OWN: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "_ray_timestamp_ns"})
_encode: Final = msgspec.json.Encoder(enc_hook=str).encode


class LogSettings(NamedTuple):
    """`folder` is empty where lines go to stderr; `megabytes` is for all files of one process."""

    folder: str = ""
    megabytes: int = MEGABYTES_DEFAULT
    form: str = "auto"
    level: str = "info"

    @property
    def environment(self) -> dict[str, str]:
        """As the processes of the service read it."""
        values = (self.folder, str(self.megabytes), self.form, self.level)
        return dict(zip((FOLDER_VARIABLE, MEGABYTES_VARIABLE, FORMAT_VARIABLE, LEVEL_VARIABLE), values, strict=True))


def log_settings(environment: Mapping[str, str]) -> LogSettings:
    """The settings that a process was started with; in a cluster they are the operator's own, and may not hold."""
    megabytes = environment.get(MEGABYTES_VARIABLE, "")
    return LogSettings(
        environment.get(FOLDER_VARIABLE, ""),
        int(megabytes) if megabytes.isdecimal() and int(megabytes) else MEGABYTES_DEFAULT,
        environment.get(FORMAT_VARIABLE) or "auto",
        environment.get(LEVEL_VARIABLE) or "info",
    )


def line_of(record: logging.LogRecord, formatter: logging.Formatter) -> dict[str, Any]:
    """A line's fields: time, level, logger and message, what was given as `extra`, and the request that it is about."""
    line: dict[str, Any] = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    line |= {name: value for name, value in vars(record).items() if name not in _OWN}
    line |= fields_for(str(line.get("key", "")))
    if record.exc_info:
        line["exception"] = formatter.formatException(record.exc_info)
    return line


class Lines(logging.Formatter):
    """Renders records as JSON, or as text; `process` has fields of every line."""

    def __init__(self, process: Mapping[str, Any], *, text: bool = False) -> None:
        super().__init__()
        self._process, self._text = dict(process), text

    def format(self, record: logging.LogRecord) -> str:
        line = line_of(record, self) | self._process
        if not self._text:
            return _encode(line).decode()
        said = " ".join(str(line.pop(name)) for name in ("timestamp", "level", "logger", "message"))
        exception = line.pop("exception", "")
        fields = " ".join(f"{name}={value}" for name, value in line.items())
        return "\n".join(filter(None, (f"{said} {fields}", exception)))


class FileOfProcess(RotatingFileHandler):
    """The files of one process, rotated by size. Raises OSError where the folder cannot be written."""

    def __init__(self, process: str, settings: LogSettings, **fields: Any) -> None:
        folder = Path(settings.folder)
        folder.mkdir(parents=True, exist_ok=True)
        name, self._held = _take_name(folder, process)
        bytes_max = settings.megabytes * 1024 * 1024 // FILES
        super().__init__(folder / f"{name}.log", maxBytes=bytes_max, backupCount=FILES - 1, encoding="utf-8")
        self.setFormatter(Lines({"process": name, "pid": os.getpid(), **fields}, text=settings.form == "text"))

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802  # logging's name
        """Once a file is full. As inherited it would render each line twice to know its length, for 20 us."""
        del record
        return self.stream is not None and os.fstat(self.stream.fileno()).st_size >= self.maxBytes

    def close(self) -> None:
        super().close()
        self._held.close()


def keep_logs(process: str, **fields: Any) -> None:
    """Write this process's log lines where its environment says. `fields` are of every line. Called once, at its
    start.
    """
    settings = log_settings(os.environ)
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines({"process": process, "pid": os.getpid(), **fields}, text=settings.form == "text"))
    why = ""
    if settings.folder:
        try:
            handler = FileOfProcess(process, settings, **fields)
        except OSError as error:  # the lines are kept by Ray as long as its session is
            why = f"{settings.folder} cannot be written: {error}; lines go to stderr"
    logging.basicConfig(level=settings.level.upper(), handlers=[handler])
    if why:
        logging.getLogger("holdfast.logs").error("%s", why)


def _take_name(folder: Path, process: str) -> tuple[str, TextIO]:
    """The process's name, or, where one that lives has that, as another gateway or one that was replaced, with the
    first free number; and the file by which it is held for as long as this process lives.
    """
    for number in count(1):
        name = process if number == 1 else f"{process}-{number}"
        held = (folder / f".{name}.lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
        else:
            return name, held
    raise AssertionError("numbers do not end")
