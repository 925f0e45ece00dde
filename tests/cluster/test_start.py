"""How the service starts, listens and ends: what it opens, what it prints, and what is left of it."""

import ctypes
import json
import os
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from threading import Thread, get_ident, get_native_id

import psutil
import pytest

from holdfast.client import ChannelClient
from serve import app
from serve.config.processes import SIGNALS, StopSignals
from serve.config.settings import read_settings
from tests.cluster.callers import available, receive, with_client
from tests.cluster.service import ROOT, START_S, Service
from tests.waiting import until

END_S = 20.0  # from a Ctrl-C during the start until all has ended: 3 s where nothing else runs
ORPHANS_END_S = 60.0
NOT_STARTED = ("dashboard/dashboard.py", "log_monitor.py", "/monitor.py")  # see `ray_nodes.LeanNode`
READS = ("0", "63")  # the number of the system call `read`, on x86-64 and AArch64


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """A service of this test's own, on an address of the loopback network that nobody else takes."""
    service = Service(tmp_path, host="127.0.0.2")
    try:
        yield service
    finally:
        service.kill()


def listening(service: Service) -> list[tuple[str, str]]:
    """Address and process of every socket that others could write to."""
    found: list[tuple[str, str]] = []
    for process in service.processes():
        found += [
            (f"{each.laddr.ip}:{each.laddr.port}", " ".join(process.cmdline())[:120])
            for each in process.net_connections("inet")
            if each.status == psutil.CONN_LISTEN or (each.type == socket.SOCK_DGRAM and not each.raddr)
        ]
    return found


def stays_here(address: str) -> bool:
    """Whether only this machine can reach it."""
    ip = ip_address(address.rpartition(":")[0])
    return ((ip.ipv4_mapped if isinstance(ip, IPv6Address) else None) or ip).is_loopback


def not_ours(service: Service) -> list[str]:
    """What of the lines that it printed is none of its own log."""
    lines = service.log.read_text(errors="replace").splitlines()
    return [line for line in lines if not line.startswith("{") or not json.loads(line)["logger"].startswith("holdfast")]


def test_a_taken_port_is_said_before_anything_starts(own: Service) -> None:
    host, _, port = own.address.rpartition(":")
    with socket.create_server((host, int(port))):
        own.begin()
        assert own.wait(START_S) == 2
    said = own.log.read_text().splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"holdfast: {own.address} cannot be listened on: Address already in use")
    assert "another --port" in said[0]
    run_dir = own.run_dir()
    assert run_dir is None or not run_dir.exists()


def test_a_taken_port_for_metrics_is_said_by_its_name(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [*own.command(), "--metrics-port", str(port)]
        monkeypatch.setattr(own, "command", lambda: command)
        own.begin()
        assert own.wait(START_S) == 2
    (said,) = own.log.read_text().splitlines()
    assert said.startswith(f"holdfast: 127.0.0.1:{port} cannot be listened on: Address already in use")
    assert "another --metrics-port" in said


def test_a_kill_of_the_service_alone_leaves_nothing_and_the_next_start_has_its_port(own: Service) -> None:
    own.start()
    os.kill(own.pid, signal.SIGKILL)
    own.wait()
    own.start()
    os.kill(own.pid, signal.SIGKILL)
    own.wait()
    # Ray's two agents try for a minute to tell their dead parent's log to a server that is dead too.
    until(
        lambda: len(own.processes()) == len(own.processes("Agent")), within_s=ORPHANS_END_S, what="an end of the rest"
    )


def test_a_signal_after_rays_start_raises_nothing_where_the_main_thread_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ray sets a handler that raises SystemExit: within the making of an event loop that printed a traceback."""
    before = signal.getsignal(signal.SIGTERM)
    signals = StopSignals.__new__(StopSignals)  # without its thread, which would end this process

    def as_ray(*_: object) -> None:
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(number))

    def main_thread_goes_on() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise InterruptedError

    monkeypatch.setattr(app, "start_ray", as_ray)
    monkeypatch.setattr(app, "make_watchdogs", main_thread_goes_on)
    monkeypatch.setattr(app, "_stop", lambda _: None)
    try:
        with pytest.raises(InterruptedError):
            app.run(read_settings(["--data-dir", str(tmp_path)]), {}, signals)
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else before)


def test_a_signal_interrupts_no_call_that_the_main_thread_waits_in() -> None:
    """Ray's start has ended by SIGABRT so."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signals = StopSignals.__new__(StopSignals)  # without its thread, which would end this process
    readable, writable = os.pipe()
    heard, wakeup = socket.socketpair()
    wakeup.setblocking(False)
    signal.set_wakeup_fd(wakeup.fileno())
    main_thread, call = get_ident(), Path(f"/proc/self/task/{get_native_id()}/syscall")

    def signal_and_write() -> None:
        reads = [[number, hex(readable)] for number in READS]
        until(lambda: call.read_text().split()[:2] in reads, within_s=END_S, what="a main thread that reads")
        for number in SIGNALS:
            signal.pthread_kill(main_thread, number)
            assert heard.recv(1)[0] == number
        os.write(writable, b"x")

    try:
        signals.take_over()
        beside = Thread(target=signal_and_write)
        beside.start()
        found = ctypes.create_string_buffer(1)
        count = ctypes.CDLL(None, use_errno=True).read(readable, found, 1)
        beside.join()
        assert count == 1, os.strerror(ctypes.get_errno())
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in (heard, wakeup):
            each.close()
        os.close(readable)
        os.close(writable)


class Typed(Service):
    """Started by what a person types, `holdfast serve` or `make serve`, in a terminal of its own."""

    program = "holdfast"

    def command(self, store_actors: int = 2) -> list[str]:
        options = super().command(store_actors)[3:]  # behind `python -m serve`
        if self.program == "holdfast":
            return [f"{sys.prefix}/bin/holdfast", "serve", *options]
        arguments = shlex.join(options)
        return ["make", "-C", str(ROOT), "-o", "install", "serve", f"VENV={sys.prefix}", f"ARGS={arguments}"]


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Typed]:
    service = Typed(tmp_path, host="127.0.0.2")
    try:
        yield service
    finally:
        service.kill()


@pytest.mark.parametrize("program", ["holdfast", "make"])
def test_what_is_started_at_the_terminal_listens_as_asked_and_ends_with_ctrl_c(typed: Typed, program: str) -> None:
    """Ctrl-C goes to all that the terminal has in front: make, its shell, the service, and what that has started."""
    typed.program = program
    typed.begin()
    until(lambda: typed.said() is not None, within_s=START_S, what="a service that says where it is")
    if program == "holdfast":
        nothing_else_is_there(typed)
    assert len(typed.processes("ray::")) > 1
    os.killpg(typed.pid, signal.SIGINT)
    assert typed.wait() == {"holdfast": 0, "make": -signal.SIGINT}[program]
    assert [" ".join(process.cmdline()) for process in typed.processes()] == []
    run_dir = typed.run_dir()
    assert run_dir is None or not run_dir.exists()
    if program == "holdfast":
        assert not_ours(typed) == []
        urls = [line for line in typed.log.read_text().splitlines() if "http://" in line]
        assert [json.loads(line)["logger"] for line in urls] == ["holdfast.app"], "of the pages, and none of Ray's"


def nothing_else_is_there(service: Service) -> None:
    """Nothing listens where it was not asked to, and each process has something to do, at the rank of the others."""

    async def call(client: ChannelClient) -> None:
        await receive(client, "S1", "listened", 3)
        assert (await available(client, "S1", "listened"))[0] == 3

    with_client(service, call)
    sockets = listening(service)
    assert [each for each in sockets if not stays_here(each[0])] == []
    port = service.address.rpartition(":")[2]
    assert [address for address, _ in sockets if address.endswith(f":{port}")] == [service.address]
    # Ray would rank gateways and actors behind its own daemons.
    workers = [process for title in ("ray::Serve", "ray::Ray") for process in service.processes(title)]
    assert {process.nice() for process in workers} == {os.nice(0)}
    assert not [title for title in NOT_STARTED if service.processes(title)]


def ray_starts(service: Service) -> bool:
    """Ray's first process is there."""
    return bool(service.processes("gcs_server"))


def actors_start(service: Service) -> bool:
    """An actor of ours is there."""
    return bool(service.processes("ray::Ray"))


def haproxy_starts(service: Service) -> bool:
    """HAProxy is there, and the gateway is not yet up."""
    return bool(service.processes("haproxy.cfg"))


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (Service.run_dir, signal.SIGTERM),
        (ray_starts, signal.SIGINT),
        (actors_start, signal.SIGTERM),
        (haproxy_starts, signal.SIGINT),
    ],
)
def test_a_signal_during_the_start_ends_everything(
    own: Service, moment: Callable[[Service], bool], number: signal.Signals
) -> None:
    own.begin()
    until(lambda: bool(moment(own)), within_s=START_S, what="that moment of the start")
    os.kill(own.pid, number)
    assert own.wait(END_S) == 0
    assert own.processes() == []
    # It did not go on to serve before it ended.
    assert "stopped before it served" in own.log.read_text()
    assert own.said() is None
    assert not_ours(own) == []
    run_dir = own.run_dir()
    assert run_dir is None or not run_dir.exists()
