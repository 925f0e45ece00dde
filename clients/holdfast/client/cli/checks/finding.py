"""One finding of the doctor."""

from dataclasses import dataclass
from enum import Enum


class Grade(Enum):
    """How bad a finding is: WARN may be lived with, FAIL must be mended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what mends it (empty where nothing needs to be)."""

    grade: Grade
    subject: str
    found: str
    mend: str = ""
