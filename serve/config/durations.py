"""Times as people write them: `90s`, `15m`, `2h`, `7d` or `1h30m`. Pure."""

import re
from typing import Any, Final

DURATION_CHARS_MAX: Final = 32
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration_ms(value: Any) -> int:
    """Milliseconds of `90s`, `15m`, `2h`, `7d` or `1h30m`."""
    text = str(value).strip()
    if len(text) > DURATION_CHARS_MAX:  # first: the pattern takes the square of a long number's length
        raise ValueError(f"a time has at most {DURATION_CHARS_MAX} characters; write 90s, 15m, 2h, 7d or 1h30m")
    if not text or _DURATION.sub("", text).strip():
        raise ValueError(f"{text!r} is not a time; write 90s, 15m, 2h, 7d or 1h30m")
    return int(sum(float(amount) * _UNIT_MS[unit] for amount, unit in _DURATION.findall(text)))
