"""The act of messages: customers are told by e-mail what becomes of their orders, while the notifier is killed between
its record and the letter, and between the letter and its record. What arrived, the mailbox says.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import perf_counter, sleep
from typing import Any, Final

from bench import service as processes
from bench.demo.feed import FINDINGS_MAX
from bench.demo.mailbox import Mailbox
from bench.demo.pickups import NotServed
from bench.demo.run import NotRecovered, Phases, gathered
from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    Contact,
    ContactConsent,
    HoldfastError,
    MessageChannel,
    Notice,
    NoticeOccasion,
    NoticeStatus,
    Reservation,
    Store,
)

STORE_ID: Final = "messages-shop"
SKU: Final = "demo-message"
CUSTOMERS: Final = 100
KILLS: Final = 10
KILLED_AT: Final = tuple(range(15, 15 + 18 * KILLS, 18))  # letters; before and after they were taken, in turn
OCCASIONS: Final = (NoticeOccasion.CONFIRMED, NoticeOccasion.READY, NoticeOccasion.RECEIPT)
ROLE: Final = "notifier"
CALLS_AT_ONCE: Final = 16
TOLD_S_MAX: Final = 120.0
LOOK_S: Final = 0.5
KILL_S_MAX: Final = 20.0
MESSAGES_FILE: Final = "messages.yaml"


@dataclass(slots=True)
class Messages:
    """What came of it. `twice` are letters that arrived twice, `missing` what was due and never tried, `lost` what is
    said to be sent and did not arrive. Of `unknown` nobody knows, as the notifier was killed meanwhile.
    """

    customers: int = CUSTOMERS
    due: int = 0
    sent: int = 0
    unknown: int = 0
    arrived: int = 0
    twice: int = 0
    missing: int = 0
    lost: int = 0
    kills: int = 0
    holds_in_journal: bool = False
    findings: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """True where all were told, as far as can be known, and nobody twice."""
        wrong = self.twice or self.missing or self.lost
        whole = self.due == self.sent + self.unknown == self.customers * len(OCCASIONS) and self.kills == KILLS
        return whole and self.holds_in_journal and not wrong

    def find(self, sentence: str) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(sentence)


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
            for process, role in processes.marked(self._mark).items():
                if role == ROLE:
                    with suppress(ValueError, ProcessLookupError):
                        processes.kill(process.pid, self._mark)
                        return True
            sleep(LOOK_S / 10)
        return False


async def tell_customers(
    client: ChannelClient, box: Mailbox, killer: Killer, phases: Phases, count: int = CUSTOMERS
) -> Messages:
    """Have all of them order, and be told, while the notifier is killed; and look at what arrived."""
    await client.put_stores([Store(STORE_ID, "Messages")])
    goods = Adjustment(SKU, count, 1, AdjustmentKind.RECEIPT)
    await client.adjust_stock(STORE_ID, "opening", [goods], idempotency_key="messages-opening")
    customers = [f"told-{number}" for number in range(count)]
    with phases.phase("Telling customers", 3 * count) as tick:
        held = await gathered(customers, lambda each: _order(client, each), at_once=CALLS_AT_ONCE, tick=tick)
        box.strike = killer
        await gathered(held.values(), lambda each: _ready(client, each), at_once=CALLS_AT_ONCE, tick=tick)
        await _until_told(client, 2 * count)
        await gathered(held.values(), lambda each: _collect(client, each), at_once=CALLS_AT_ONCE, tick=tick)
        await _until_told(client, len(OCCASIONS) * count)
    phases.say(f"  killed the notifier {killer.kills} times between record and letter, and back")
    verified = await client.verify_notices()
    notices = [each async for each in client.list_notices(store_id=STORE_ID)]
    came = judged(customers, notices, box.arrived)
    came.kills, came.holds_in_journal = killer.kills, verified.holds
    return came


def judged(customers: list[str], notices: list[Notice], arrived: list[tuple[str, str]]) -> Messages:
    """What was due, and what is known of it, against what arrived."""
    came = Messages(len(customers), arrived=len(arrived))
    keys = Counter(key for _, key in arrived)
    for key, times in keys.items():
        if times > 1:
            came.twice += 1
            came.find(f"the letter {key} arrived {times} times")
    made = {(each.customer_id, each.occasion): each for each in notices}
    for pair in ((customer, occasion) for customer in customers for occasion in OCCASIONS):
        notice = made.get(pair)
        came.due += notice is not None
        if notice is None or not notice.attempts:
            came.missing += 1
            came.find(f"{pair[0]} was never told {pair[1].name}")
            continue
        came.unknown += notice.status is NoticeStatus.UNKNOWN
        if notice.status is NoticeStatus.SENT:
            came.sent += 1
            if not keys[f"{notice.store_id}.{notice.version}.{notice.number}"]:
                came.lost += 1
                came.find(f"the letter {notice.number} is said to be sent and did not arrive")
    return came


async def _order(client: ChannelClient, customer: str) -> str:
    consents = (ContactConsent(MessageChannel.EMAIL, granted=True),)
    contact = Contact(customer, email=f"{customer}@example.com", display_name=customer, consents=consents)
    await client.put_contact(contact, idempotency_key=f"{customer} contact")
    held = await client.reserve(
        STORE_ID, [(SKU, 1)], customer_id=customer, channel="web", idempotency_key=f"{customer} reserve"
    )
    if not isinstance(held, Reservation):
        raise NotServed(f"a customer who is to be told heard {held}")
    await client.confirm(held.reservation_id, idempotency_key=f"{customer} confirm")
    return held.reservation_id


async def _ready(client: ChannelClient, reservation_id: str) -> Any:
    return await client.mark_ready(reservation_id, idempotency_key=f"{reservation_id} ready")


async def _collect(client: ChannelClient, reservation_id: str) -> Any:
    key = f"{reservation_id} collect"
    return await client.collect(reservation_id, payment_reference="paid", idempotency_key=key)


async def _until_told(client: ChannelClient, notices: int) -> None:
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
