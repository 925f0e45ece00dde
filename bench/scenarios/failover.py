"""What do callers notice when something is killed?

Ordinary traffic through our client, which asks again by itself, against a service of its own with two gateways: an
actor of shops, a gateway and the proxy are killed with kill -9, and an actor is stopped for a while and woken. No call
may take longer than three seconds, whatever it came to, and none may stay without an answer.
"""

import os
import signal
from contextlib import suppress
from functools import partial
from typing import Final

from bench import service as processes
from bench.load.figures import Said
from bench.load.profile import constant
from bench.load.run import Stage
from bench.load.season import Scenario, at_most
from bench.load.session import Asked, Fault, NeedsItsOwn, Plan, Session
from bench.load.traffic import Mix
from bench.record import Headline

STEPS: Final = Mix(reads=0.1, confirmed=0.5, released=0.1)
RATE_PER_S: Final = 200.0
APART_S: Final = 12.0
STOPPED_S: Final = 3.0
LONGEST_MS_MAX: Final = 3_000.0
KILLED: Final = {"an actor": "store actors", "a gateway": "gateway", "the proxy": "haproxy"}


def plan(asked: Asked) -> Plan:
    """Two gateways and two actors. Raises NeedsItsOwn."""
    if asked.target:
        raise NeedsItsOwn("failover kills, and only in a service of its own: leave --target out")
    options = ("--gateways", "2", "--store-actors", str(max(2, asked.store_actors)))
    return Plan(asked.size(16, 4), asked.size(2_000, 20), [STEPS], "", options)


def run(session: Session, headlines: list[Headline]) -> None:
    """One stage; each fault has its time to heal."""
    asked = session.asked
    apart_s, stopped_s = asked.length(APART_S, 4.0), STOPPED_S if not asked.quick else 1.0
    warm_s = asked.warm_s
    faults: list[Fault] = []
    for number, (what, role) in enumerate(KILLED.items()):
        faults.append((warm_s + (number + 0.5) * apart_s, f"kill -9 of {what}", partial(_kill, session, role)))
    at, stopped = warm_s + (len(KILLED) + 0.5) * apart_s, list[int]()
    faults.append((at, f"an actor stopped for {stopped_s:g} s", partial(_stop, session, stopped)))
    faults.append((at + stopped_s, "and woken", partial(_wake, stopped)))
    lasts_s = warm_s + (len(KILLED) + 1) * apart_s + stopped_s
    stage = Stage("kills", constant(asked.rate or RATE_PER_S, lasts_s), STEPS, "client", warm_s=warm_s)
    try:
        ran = session.do(stage, faults)
    finally:
        _wake(stopped)
    all_of = ran.between(*ran.measured)
    accepted = all_of.of(said=[Said.ACCEPTED])
    without = all_of.count(Said.NO_ANSWER, Said.FAILED, Said.NOT_SENT)
    headlines.append(at_most("the longest accepted call", accepted.ms(1.0), LONGEST_MS_MAX))
    headlines.append(at_most("calls without an answer", float(without), 0.0, "calls"))


def _kill(session: Session, role: str) -> None:
    for pid in processes.pids(session.mark, role)[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _stop(session: Session, stopped: list[int]) -> None:
    for pid in processes.pids(session.mark, "store actors")[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)


def _wake(stopped: list[int]) -> None:
    while stopped:
        with suppress(ProcessLookupError):
            os.kill(stopped.pop(), signal.SIGCONT)


SCENARIO: Final = Scenario(plan, run)
