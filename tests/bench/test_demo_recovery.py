"""Asking for a process that was killed, until its successor answers."""

import asyncio

import pytest

from bench.demo import run
from bench.demo.run import NotRecovered, ask_until
from holdfast.client import Unavailable

PID = 7


def ask(*said: int | Exception | None) -> None:
    """Ask until another process than the dead one answers, told this in turn, the last again and again; None hangs."""
    left = list(said)

    async def question() -> int:
        word = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(word, Exception):
            raise word
        return word if word is not None else await asyncio.get_running_loop().create_future()

    asyncio.run(ask_until(question, lambda pid: pid != PID, otherwise="nobody answered"))


def test_hanging_questions_errors_and_the_dead_process_are_passed_over() -> None:
    ask(None, Unavailable("GetLedgerStatus"), PID, PID + 1)


def test_a_fault_of_this_program_is_not_passed_over() -> None:
    with pytest.raises(ZeroDivisionError):
        ask(PID, ZeroDivisionError())


def test_whoever_does_not_come_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "RECOVERY_S_MAX", 0.2)
    with pytest.raises(NotRecovered, match=r"nobody answered within 0\.2 s of the kill"):
        ask(PID)
