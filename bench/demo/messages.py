"""Messages of the demo: customers are told by e-mail what becomes of their orders, while the notifier is killed between
its record and the letter, and between the letter and its record. What arrived, the mailbox says.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import perf_counter, sleep
from typing import Final

from bench import service as processes
from bench.demo.feed import Sentences
from bench.demo.mailbox import Mailbox
from bench.demo.run import NotRecovered
from bench.demo.walk_plan import STORE_ID
from holdfast.client import ChannelClient, HoldfastError, Notice, NoticeOccasion, NoticeStatus

KILLS: Final = 10
KILLED_AT: Final = tuple(range(15, 15 + 18 * KILLS, 18))  # letters; before and after they were taken, in turn
OCCASIONS: Final = (
    NoticeOccasion.CONFIRMED,
    NoticeOccasion.READY,
    NoticeOccasion.RECEIPT,
    NoticeOccasion.RELEASED,
    NoticeOccasion.NO_SHOW,
    NoticeOccasion.REFUND,
)
ROLE: Final = "notifier"
TOLD_S_MAX: Final = 120.0
LOOK_S: Final = 0.2
KILL_S_MAX: Final = 20.0
MESSAGES_FILE: Final = "messages.yaml"


@dataclass(slots=True)
class Messages:
    """What came of it. Of the `expected` ones, those that are `due` were made; `twice` are letters that arrived twice,
    `missing` what was never tried, `unasked` what nobody was to be told, `lost` what is said to be sent and did not
    arrive. Of `unknown` nobody knows, as the notifier was killed meanwhile.
    """

    customers: int = 0
    expected: int = 0
    due: int = 0
    sent: int = 0
    unknown: int = 0
    arrived: int = 0
    twice: int = 0
    missing: int = 0
    unasked: int = 0
    lost: int = 0
    kills: int = 0
    holds_in_journal: bool = False
    findings: Sentences = field(default_factory=Sentences)

    @property
    def holds(self) -> bool:
        """True where all were told, as far as can be known, and nobody twice."""
        wrong = self.twice or self.missing or self.lost or self.unasked
        whole = self.due == self.sent + self.unknown == self.expected > 0 and self.kills == KILLS
        return whole and self.holds_in_journal and not wrong


def write_messages_file(folder: Path, box: Mailbox) -> Path:
    """By which rules customers of that shop are told; those of the others are not."""
    rules = (f"  - {{occasion: {each.name.lower()}, channels: [email], store_id: {STORE_ID}}}\n" for each in OCCASIONS)
    email = f"email: {{host: 127.0.0.1, port: {box.port}, tls: none, address: shop@example.org}}\n"
    path = folder / MESSAGES_FILE
    path.write_text(f"language: en\n{email}rules:\n{''.join(rules)}", encoding="utf-8")
    return path


class Killer:
    """Kills the notifier at letters, from the mailbox's threads. `kill` ends its process."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._lock = Lock()
        self._left = dict(zip(KILLED_AT, (False, True) * KILLS, strict=False))
        self.kills = 0

    def __call__(self, number: int, taken: bool) -> None:
        with self._lock:
            due = [at for at, when in self._left.items() if at <= number and when == taken]
            if not due:
                return
            del self._left[due[0]]
        killed = self.kill()  # beside other letters, which go on until then
        with self._lock:
            self.kills += killed

    def kill(self) -> bool:
        """Whether one was ended, for which it is waited: the one before may just have been killed."""
        deadline = perf_counter() + KILL_S_MAX
        while perf_counter() < deadline:
            for pid in processes.pids(self._mark, ROLE):
                with suppress(ValueError, ProcessLookupError):
                    processes.kill(pid, self._mark)
                    return True
            sleep(LOOK_S / 4)
        return False


def judged(
    expected: Collection[tuple[str, NoticeOccasion]], notices: Iterable[Notice], arrived: list[tuple[str, str]]
) -> Messages:
    """What each customer is to be told, and what is known of it, against what arrived."""
    came = Messages(len({customer for customer, _ in expected}), len(expected), arrived=len(arrived))
    keys = Counter(key for _, key in arrived)
    for key, times in keys.items():
        if times > 1:
            came.twice += 1
            came.findings.add(f"the letter {key} arrived {times} times")
    told = list(notices)
    for (customer, occasion), times in Counter((each.customer_id, each.occasion) for each in told).items():
        if times > 1:
            came.twice += 1
            came.findings.add(f"{customer} is told {occasion.name} {times} times")
    made = {(each.customer_id, each.occasion): each for each in told}
    for customer, occasion in sorted(made.keys() - expected):
        came.unasked += 1
        came.findings.add(f"{customer} was to be told {occasion.name}, which has not happened")
    for pair in sorted(expected):
        notice = made.get(pair)
        came.due += notice is not None
        if notice is None or not notice.attempts:
            came.missing += 1
            came.findings.add(f"{pair[0]} was never told {pair[1].name}")
            continue
        came.unknown += notice.status is NoticeStatus.UNKNOWN
        if notice.status is NoticeStatus.SENT:
            came.sent += 1
            if not keys[f"{notice.store_id}.{notice.version}.{notice.number}"]:
                came.lost += 1
                came.findings.add(f"the letter {notice.number} is said to be sent and did not arrive")
    return came


async def until_told(client: ChannelClient, notices: int) -> None:
    """Wait until so many were due, and none of them waits. Raises NotRecovered."""
    deadline = perf_counter() + TOLD_S_MAX
    while perf_counter() < deadline:
        try:
            found = await client.verify_notices(timeout_ms=int(TOLD_S_MAX * 1_000))
            if found.notices >= notices and not found.waiting:
                return
        except HoldfastError:  # it is being killed
            continue
        finally:
            await asyncio.sleep(LOOK_S)
    raise NotRecovered(f"not all customers were told within {TOLD_S_MAX:g} s")
