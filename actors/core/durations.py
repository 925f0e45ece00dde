"""Durations as people write and read them, in the chain file, the messages file and refusals. Pure."""

import re
from typing import Final

DURATION_CHARS_MAX: Final = 32
_UNIT_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_LIKE: Final = "write 90s, 15m, 2h, 7d or 1h30m"


def duration_ms(value: object) -> int:
    """Milliseconds of `90s`, `15m`, `2h`, `7d` or `1h30m`, rounded. Raises ValueError, which says how to write it."""
    text = str(value).strip()
    if len(text) > DURATION_CHARS_MAX:  # first: the pattern takes the square of a long number's length
        raise ValueError(f"a time has at most {DURATION_CHARS_MAX} characters; {_LIKE}")
    if not text or _PART.sub("", text).strip():
        raise ValueError(f"{text!r} is not a time; {_LIKE}")
    return round(sum(float(amount) * _UNIT_MS[unit] for amount, unit in _PART.findall(text)))


def duration_text(ms: int) -> str:
    """A duration for people: `8d`, `1h30m`, `1s500ms`; `0s` for none."""
    parts: list[str] = []
    for unit, unit_ms in _UNIT_MS.items():
        count, ms = divmod(ms, unit_ms)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"
