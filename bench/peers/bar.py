"""redis-benchmark with reserve.lua, a client in C without gRPC: what the database and its script can do, and the bar
for whatever stands in front of them.
"""

import csv
import os
import subprocess
from pathlib import Path
from typing import Final

import redis

from bench import service as processes
from bench.peers.peer import Peer
from bench.peers.redis_server import INSTALL, libraries, program
from bench.record import Counts, ratio
from bench.samples import UNITS, sku

STORE: Final = "BAR"
HOLD_MS: Final = 2 * 60 * 60 * 1_000
KEYSPACE: Final = 2**31 - 1  # for each half of a key, so that none comes twice
CALLS: Final = 40_000  # in a round, and at most so many of each that is under way at once
CALLS_EACH: Final = 1_000
LATENCIES: Final = {"p50_latency_ms": "p50_ms", "p99_latency_ms": "p99_ms"}


def _program() -> str:
    return program("valkey-benchmark") or program("redis-benchmark")


def absent() -> str:
    """Why it cannot be run here; empty where it can."""
    return "" if _program() else f"no redis-benchmark ({INSTALL})"


class Bar:
    """It calls the database of `peer`. `told` are the calls that it made, none of which has an answer that is looked
    at.
    """

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.told = Counts(0)
        with redis.Redis(port=peer.database_port, decode_responses=True) as client:
            self._digest = str(client.script_load(Path(__file__).with_name("reserve.lua").read_text(encoding="utf-8")))
            client.hset(f"{STORE}:on_hand", sku(0), UNITS)
            client.hset(f"{STORE}:available", sku(0), UNITS)

    def measure(self, connections: int, pipelined: int, calls: int) -> dict[str, float]:
        """One round of so many calls, by so many at once in each of the connections; figures as a generator's. A
        latency is that of all that one connection has sent at once.
        """
        key = "__rand_int__" * 2
        command = [_program(), "-p", str(self.peer.database_port), "-c", str(connections), "-P", str(pipelined)]
        command += ["-n", str(calls), "-r", str(KEYSPACE), "--csv"]
        command += ["EVALSHA", self._digest, "1", STORE, key, str(HOLD_MS), "C000000000", sku(0), "1"]
        before = processes.cpu_s(self.peer.mark)
        environment = {**os.environ, **libraries(command[0])}
        said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603  # above
        after = processes.cpu_s(self.peer.mark)
        self.told = Counts(self.told.accepted + calls)
        cpu_us = 1e6 * ratio(after["redis"] - before["redis"], calls)
        (row,) = csv.DictReader(said.stdout.splitlines())
        return {
            "per_s": float(row["rps"]),
            **{name: float(row[column]) for column, name in LATENCIES.items()},
            "cpu_us": cpu_us,
            "generator_us": 0.0,
            "service_us": 0.0,
            "database_us": cpu_us,
            "around_us": 0.0,
        }
