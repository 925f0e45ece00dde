"""A service under test: started in a session of its own, waited for, and always ended with all that it started; and
what a run does to its ledgers besides loading them: it opens stock before, and asks for a verdict after.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import grpc

from actors.core.violation import Violation
from bench import processes
from bench.record import Conservation, Told, judged
from bench.samples import ROWS_MAX, UNITS, sku
from holdfast.v1 import (
    admin_service_pb2 as admin_pb2,
    admin_service_pb2_grpc as admin_grpc,
    stock_pb2,
    stock_service_pb2,
    stock_service_pb2_grpc as stock_grpc,
)
from serve.config.environment import service_environment

START_S: Final = 120.0
STOP_S: Final = 60.0
POLL_S: Final = 0.05
LOG_CHARS_TOLD: Final = 2_000
SERVICE_FILE: Final = "service.json"
CALL_S: Final = 60.0
# Serve hides a call's deadline from the service, so it goes along.
TIME: Final = (("holdfast-timeout-ms", str(int(CALL_S * 1_000))),)


class ServiceFailed(Exception):
    """The service did not come up, or went away: what it last said."""


@dataclass(frozen=True, slots=True)
class Service:
    """One that serves. `mark` names its processes, see `processes`."""

    target: str
    pid: int
    mark: str
    data_dir: Path

    def cpu_s(self) -> dict[processes.Process, float]:
        """CPU seconds that each of its processes has taken so far."""
        return processes.cpu_s(processes.marked(self.mark))


@contextmanager
def holdfast(folder: Path, store_ids: Sequence[str], store_actors: int, policy: str = "") -> Iterator[Service]:
    """Holdfast with these shops, and a policy as YAML. The data stays in `folder`, so that a second start finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    chain_file = folder / "chain.yaml"
    stores = "stores:\n" + "".join(f"  - store_id: {each}\n" for each in store_ids)
    chain_file.write_text(stores + policy, encoding="utf-8")
    data_dir = folder / "data"
    command = ["-m", "serve", "--data-dir", str(data_dir), "--chain-file", str(chain_file)]
    with running([*command, "--store-actors", str(store_actors)], data_dir, {}) as service:
        yield service


@contextmanager
def echo(folder: Path) -> Iterator[Service]:
    """The peer that does nothing, behind the same Serve with the same switches; see `bench.echo`."""
    data_dir = folder / "echo"
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hf-", dir="/tmp") as run_dir:  # short, as sockets need it
        environment, ports, guard = service_environment(Path(run_dir), 0)
        command = ["-m", "bench.echo", str(data_dir), str(ports["grpc"]), str(ports["http"])]
        with guard, running(command, data_dir, environment) as service:
            yield service


@contextmanager
def running(command: Sequence[str], data_dir: Path, environment: Mapping[str, str]) -> Iterator[Service]:
    """A Python program that writes `service.json` into `data_dir` once it serves, and ends on SIGTERM."""
    mark = processes.fresh_mark()
    log_path = data_dir.parent / f"{data_dir.name}.log"
    # One that was killed left its file, with an address where nobody answers any more.
    (data_dir / SERVICE_FILE).unlink(missing_ok=True)
    with log_path.open("ab") as log:
        # Our own program, by this interpreter.
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *command],
            env={**os.environ, **environment, processes.MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            found = _wait(process, command, data_dir / SERVICE_FILE, log_path)
            yield Service(found["grpc"], process.pid, mark, data_dir)
        finally:
            _stop(process)
            processes.end(mark)


def _wait(process: "subprocess.Popen[bytes]", command: Sequence[str], path: Path, log_path: Path) -> dict[str, str]:
    deadline = time.monotonic() + START_S
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            why = f"ended with {process.returncode}" if process.poll() is not None else f"not there after {START_S} s"
            said = log_path.read_text(encoding="utf-8", errors="replace")[-LOG_CHARS_TOLD:]
            raise ServiceFailed(f"{' '.join(command)}: {why}. It said:\n{said}")
        time.sleep(POLL_S)
    found: dict[str, str] = json.loads(path.read_bytes())
    return found


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, and end its session where it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def connected(target: str) -> Iterator[grpc.Channel]:
    """A blocking channel, closed at the end."""
    with grpc.insecure_channel(target, options=(("grpc.max_receive_message_length", 64 << 20),)) as channel:
        yield channel


def open_stock(target: str, store_ids: Sequence[str], skus: int) -> None:
    """Receive so many SKUs into each shop."""
    with connected(target) as channel:
        service: Any = stock_grpc.StockServiceStub(channel)
        for store_id in store_ids:
            for first in range(0, skus, ROWS_MAX):
                request = stock_service_pb2.AdjustStockRequest(
                    idempotency_key=uuid4().hex, store_id=store_id, source="bench"
                )
                for number in range(first, min(skus, first + ROWS_MAX)):
                    request.adjustments.add(
                        sku=sku(number), delta=UNITS, sequence=number + 1, kind=stock_pb2.ADJUSTMENT_KIND_RECEIPT
                    )
                service.AdjustStock(request, timeout=CALL_S, metadata=TIME)


def ledger_status(target: str, store_id: str) -> admin_pb2.GetLedgerStatusResponse:
    """Where a ledger stands."""
    with connected(target) as channel:
        service: Any = admin_grpc.AdminServiceStub(channel)
        found: admin_pb2.GetLedgerStatusResponse = service.GetLedgerStatus(
            admin_pb2.GetLedgerStatusRequest(store_id=store_id), timeout=CALL_S, metadata=TIME
        )
        return found


def receive(target: str, store_id: str, of_sku: str, units: int = UNITS) -> None:
    """Receive one more SKU into one shop."""
    with connected(target) as channel:
        service: Any = stock_grpc.StockServiceStub(channel)
        request = stock_service_pb2.AdjustStockRequest(idempotency_key=uuid4().hex, store_id=store_id, source=of_sku)
        request.adjustments.add(sku=of_sku, delta=units, sequence=1, kind=stock_pb2.ADJUSTMENT_KIND_RECEIPT)
        service.AdjustStock(request, timeout=CALL_S, metadata=TIME)


def verdict(target: str, store_ids: Iterable[str], told: Iterable[Told]) -> Conservation:
    """Every shop's stock computed again from its journal, and all accepted answers counted against what it says."""
    found, violations = 0, []
    with connected(target) as channel:
        service: Any = admin_grpc.AdminServiceStub(channel)
        for store_id in store_ids:
            request = admin_pb2.VerifyLedgerRequest(store_id=store_id)
            reply = service.VerifyLedger(request, timeout=2 * CALL_S, metadata=TIME)
            found += reply.accepted
            violations += [
                Violation(d.invariant, f"{store_id} {d.subject}", d.expected, d.found) for d in reply.discrepancies
            ]
            if reply.units_oversold:
                violations.append(Violation("I2", store_id, "no unit oversold", str(reply.units_oversold)))
    answers = list(told)
    return judged(Told(sum(one.accepted for one in answers), sum(one.unknown for one in answers)), found, violations)
