"""The lines of scenario tables that are about pick tasks.

    take #3 as ann [for 5m]        take first as ann          leave #3 as ann
    scan #3 A 2 as ann             finish #3 as ann [in B7] [ready]
    shelve #3 [A 1] as ann         here #3 [in P4]
    coming #3 for 20m [in P4]
    short #3 A 2 without as ann    short #3 A 2 for C 1 [listed] as ann    short #3 A 2 later 1h as ann
    short #3 A 2 elsewhere [S2,S3] as ann

An answer is `#3 PICKING A 1 of 2, B 0 of 1 ann until 0:15`; `-2 A` are units to put back, `in B7` is the bay.
"""

import re
from collections.abc import Callable
from typing import Final

from actors.core.status import PickStatus, ShortChoice
from actors.shop.commands import by_sku
from actors.shop.picking.pick_task import (
    ClaimPick,
    FinishPick,
    NoteArrival,
    PickCommand,
    PickTask,
    PutBack,
    ReleasePick,
    ScanPick,
    ShortPick,
)

VERBS: Final = frozenset({"take", "leave", "scan", "short", "finish", "shelve", "here", "coming"})
_OPTION: Final = re.compile(r"\b(as|for|in|later)\s+(\S+)")


def about_pick(verb: str, key: str, text: str, interval: Callable[[str], int]) -> PickCommand:
    """What a line about a task says."""
    options = dict(_OPTION.findall(text))
    subject, *words = _OPTION.sub("", text).split()
    number, picker = 0 if subject == "first" else int(subject.removeprefix("#")), options.get("as", "")
    match verb:
        case "take":
            return ClaimPick(key, number, picker, interval(options.get("for", "0ms")))
        case "leave":
            return ReleasePick(key, number, picker)
        case "scan":
            return ScanPick(key, number, picker, words[0], int(words[1]) if len(words) > 1 else 1)
        case "short":
            of, units = (key, number, picker, words[0]), int(words[1])
            if "without" in words:
                return ShortPick(*of, units, ShortChoice.WITHOUT)
            if "elsewhere" in words:
                near = tuple(name for name in " ".join(words[3:]).split(",") if name)
                return ShortPick(*of, units, ShortChoice.ELSEWHERE, near=near)
            if "later" in options:
                return ShortPick(*of, units, ShortChoice.LATER, wait_ms=interval(options["later"]))
            instead = options["for"], int(words[2])
            return ShortPick(*of, units, ShortChoice.SUBSTITUTE, *instead, is_listed="listed" in words)
        case "finish":
            return FinishPick(key, number, picker, options.get("in", ""), "ready" in words)
        case "shelve":
            return PutBack(key, number, picker, tuple(zip(words[::2], map(int, words[1::2]), strict=True)))
        case _:
            return NoteArrival(key, number, options.get("in", ""), interval(options.get("for", "0ms")))


def pick_text(task: PickTask, clock: Callable[[int], str]) -> str:
    """A task, in a line."""
    picked = dict(task.picked)
    words = [", ".join(f"{sku} {picked.get(sku, 0)} of {units}" for sku, units in by_sku(task.lines) if units)]
    words += [", ".join(f"-{units} {sku}" for sku, units in task.back)]
    words += [f"{task.picker_id} until {clock(task.lease_until_ms)}" if task.status is PickStatus.PICKING else ""]
    words += [f"in {task.bay}" if task.bay else "", f"waits {task.waits_at}" if task.waits_at else ""]
    words += [f"comes {clock(task.expected_at_ms)}" if task.expected_at_ms and not task.arrived_ms else ""]
    return " ".join([f"#{task.number} {task.status.name}", *filter(None, words)])
