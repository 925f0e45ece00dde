"""The generators of a run: processes of their own, which do one stage after another, all from the same instant on."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import Final

from bench.load.figures import Report
from bench.load.lanes import lane_to
from bench.load.worker import DRAIN_S, Job, Told, Worker

BEGIN_S: Final = 0.3  # from when all are ready until the first second begins
TICK_S: Final = 0.25
SILENCE_S_MAX: Final = 60.0
OVER: Final = "over"
READY: Final = "ready"


class GeneratorFailed(Exception):
    """A generator ended, or fell silent: nothing that it told counts."""


@dataclass(slots=True)
class Fleet:
    """Generators that wait for what to do."""

    _generators: list[Connection]

    @property
    def size(self) -> int:
        return len(self._generators)

    def run(
        self, job: Job, heed: Callable[[Report], None], tick: Callable[[float], None], is_over: Callable[[], bool]
    ) -> list[Told]:
        """All do their share of a job; what each was told. `heed` hears their reports, `tick` comes about four times a
        second with the second of the run. Raises GeneratorFailed.
        """
        for index, generator in enumerate(self._generators):
            generator.send(replace(job, index=index, of=self.size))
        for generator in self._generators:
            if _received(generator) != READY:
                raise GeneratorFailed("a generator was not ready")
        begins, told = monotonic() + BEGIN_S, dict[int, Told]()
        for generator in self._generators:
            generator.send(begins)
        said_over, heard = False, monotonic()
        while len(told) < self.size:
            for place in wait([each for n, each in enumerate(self._generators) if n not in told], TICK_S):
                index = self._generators.index(place)  # type: ignore[arg-type]
                found, heard = _received(self._generators[index]), monotonic()
                if isinstance(found, Report):
                    heed(found)
                elif isinstance(found, Told):
                    told[index] = found
            tick(monotonic() - begins)
            if is_over() and not said_over:
                said_over = True
                for index, generator in enumerate(self._generators):
                    if index not in told:
                        generator.send(OVER)
            if monotonic() - heard > SILENCE_S_MAX + DRAIN_S:
                raise GeneratorFailed(f"nothing was heard of {self.size - len(told)} generators")
        return [told[index] for index in range(self.size)]


def _received(generator: Connection) -> object:
    try:
        return generator.recv()
    except EOFError as error:
        raise GeneratorFailed("a generator has ended") from error


@contextmanager
def spawned(generate: Callable[[Connection], None]) -> Iterator[Connection]:
    """A process that generates load, killed at the end; what is sent to it, and received."""
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=generate, args=(theirs,), daemon=True)
    process.start()
    theirs.close()  # so that its end is seen here
    try:
        yield ours
    finally:
        process.kill()
        process.join()


@contextmanager
def fleet(size: int) -> Iterator[Fleet]:
    """So many generators, ended at the end."""
    with ExitStack() as started:
        yield Fleet([started.enter_context(spawned(_generate)) for _ in range(size)])


def _generate(user: Connection) -> None:
    """Do one job after another, until killed. Ctrl-C is for who started us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(user)


def serve(user: Connection) -> None:
    """Do one job after another, until the other end is closed."""
    while True:
        try:
            job = user.recv()
        except EOFError:
            return
        user.send(asyncio.run(_do(job, user)))


async def _do(job: Job, user: Connection) -> Told:
    lane = lane_to(job.via, job.target)
    worker = Worker(job, lane, user.send)
    user.send(READY)
    begins = user.recv()
    loop = asyncio.get_running_loop()

    def heard() -> None:
        user.recv()
        worker.over.set()
        loop.remove_reader(user.fileno())

    loop.add_reader(user.fileno(), heard)
    try:
        return await worker.run(begins)
    finally:
        loop.remove_reader(user.fileno())
        await lane.close()
