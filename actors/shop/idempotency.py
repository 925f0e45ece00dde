"""A retry is the same sentence said twice: the first answer again. Another sentence under the same key is refused."""

from hashlib import blake2b
from typing import Any, Final

from actors.core.rejection import Reason, Rejection
from actors.shop.commands import Command, Reserve
from actors.shop.state import GENERATION_MS, Ledger, Recorded, Remembered, Reservation

FINGERPRINT_BYTES: Final = 12

KEY_REUSED: Final = Recorded("", 0, Rejection(Reason.IDEMPOTENCY_KEY_REUSED))


def fingerprint(command: tuple[Any, ...]) -> str:
    """What the command says, key apart, in 24 hex digits; the same on every process and platform."""
    return fingerprint_of(type(command).__name__, command[1:])


def fingerprint_of(name: str, said: tuple[Any, ...]) -> str:
    """The same of a command by this name, where not all of its fields are the caller's."""
    content = name + repr(said)
    return blake2b(content.encode(), digest_size=FINGERPRINT_BYTES).hexdigest()


def first_answer(ledger: Ledger, command: Command) -> Remembered | None:
    """The answer given to this key before, the refusal of a reused key, or None where the key is new."""
    key = command.key
    for generation in ledger.generations.values():
        remembered = generation.get(key)
        if remembered is not None:
            break
    else:
        return None
    if isinstance(remembered, Reservation):
        return remembered if isinstance(command, Reserve) and _says_the_same(command, remembered) else KEY_REUSED
    if not remembered.fingerprint:  # nobody has said it yet: its order was over before its claim came
        return remembered
    return remembered if remembered.fingerprint == fingerprint(command) else KEY_REUSED


def _says_the_same(command: Reserve, reservation: Reservation) -> bool:
    """A reservation keeps all that its Reserve said, so no fingerprint is computed or kept on that path."""
    return (
        command.lines == reservation.lines
        and command.customer_id == reservation.customer_id
        and command.channel == reservation.channel
        and command.basket_id == reservation.basket_id
        and command.ttl_ms == reservation.ttl_ms
        and command.slot_start_ms == reservation.slot_start_ms
    )


def remember(ledger: Ledger, key: str, answer: Remembered) -> Remembered:
    """Keep an answer for repeats, in its day's generation; whole generations are forgotten when their time is over."""
    day = ledger.time_ms // GENERATION_MS
    generation = ledger.generations.get(day)
    if generation is None:
        generation = ledger.generations[day] = {}
        oldest_kept = (ledger.time_ms - ledger.policy.answer_memory_ms) // GENERATION_MS
        for old in [index for index in ledger.generations if index < oldest_kept]:
            ledger.remembered -= len(ledger.generations.pop(old))
    generation[key] = answer
    ledger.remembered += 1
    return answer
