"""What HAProxy answers while no gateway is up, in the configuration that Serve writes."""

from pathlib import Path

import pytest

from serve.config.environment import address_of
from serve.config.haproxy import Listener, for_pages, mended, write_stand_in
from serve.pages.live import STREAMS_MAX
from serve.pages.visits import VISITS_MAX

EARLY = """\
frontend grpc_frontend
    bind 127.0.0.1:9000 proto h2
    default_backend default_grpc_backend

backend default_grpc_backend
    http-request return status 200 content-type application/grpc hdr grpc-status 5 hdr grpc-message "Not set."
"""
SERVING = """\
frontend prometheus
    bind :9101

frontend http_frontend
    bind 127.0.0.1:8000

frontend grpc_frontend
    bind 127.0.0.1:9000 proto h2

listen stats
  bind *:8404

backend grpc-holdfast
    http-reuse always
    option tcp-check
    tcp-check connect
    server replica 127.0.0.1:9100 proto h2 check observe layer4 error-limit 3
    server fallback 127.0.0.1:9200 proto h2 check backup

backend grpc_fallback_backend
    server fallback 127.0.0.1:9200 proto h2 check backup
"""
REPLICA = "    server replica 127.0.0.1:9100 proto h2 check observe layer4 error-limit 3"


def test_without_a_gateway_calls_hear_unavailable() -> None:
    text = mended(EARLY, Path("/run/x.http"), "127.0.0.1")
    assert "grpc-status 5" not in text
    assert 'grpc-status 14 hdr grpc-message "no gateway is up; nothing was done, ask again"' in text


def test_a_gateway_that_does_not_answer_is_unavailable_and_nobody_answers_in_its_place() -> None:
    lines = mended(SERVING, Path("/run/x.http"), "127.0.0.1").splitlines()
    backend = lines[lines.index("backend grpc-holdfast") : lines.index("backend grpc_fallback_backend")]
    assert "    errorfile 502 /run/x.http" in backend
    assert [line for line in backend if "server" in line] == [REPLICA]
    assert any(line.endswith("h2 check backup") for line in lines), "Serve itself waits for its fallback"


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.7", "2001:db8::7"])
def test_grpc_listens_where_it_is_told_to_and_all_else_on_loopback(host: str) -> None:
    binds = [line.split()[1] for line in mended(SERVING, Path("/run/x.http"), host).splitlines() if " bind " in line]
    of_calls = "unix@/run/grpc.sock"
    assert binds == ["127.0.0.1:9101", "127.0.0.1:8000", of_calls, "127.0.0.1:8404", address_of(host, 9000)]


def test_a_connection_passes_to_a_gateway_that_is_up_and_else_to_where_each_call_is_answered() -> None:
    lines = mended(SERVING, Path("/run/x.http"), "127.0.0.1").splitlines()
    assert lines[lines.index("backend gateways") :] == [
        "backend gateways",
        "    mode tcp",
        "    no log",
        "    option tcp-check",
        "    tcp-check connect",
        "    server replica 127.0.0.1:9100 on-marked-down shutdown-sessions check observe layer4 error-limit 1",
        "    server by-call unix@/run/grpc.sock no-check backup",
    ]


def test_a_node_of_a_cluster_has_its_gateways_on_its_own_address_and_others_on_theirs() -> None:
    away = "    server away 192.0.2.8:9100 proto h2 check observe layer4 error-limit 3"
    lines = mended(f"{SERVING}{away}\n", Path("/run/x.http"), "192.0.2.7", "192.0.2.7").splitlines()
    servers = [line.split()[2] for line in lines if " server " in line]
    assert servers == ["192.0.2.7:9100", "192.0.2.7:9200", "192.0.2.8:9100", "192.0.2.7:9100", "unix@/run/grpc.sock"]


def test_nodes_of_one_machine_differ_by_their_loopback_addresses() -> None:
    text = mended(SERVING, Path("/run/x.http"), "127.0.0.3", "127.0.0.3")
    binds = [line.split()[1] for line in text.splitlines() if " bind " in line]
    assert [bind for bind in binds if not bind.startswith("127.0.0.3:")] == ["unix@/run/grpc.sock"]


def test_callers_speak_tls_where_there_is_a_certificate_and_gateways_do_not() -> None:
    tls = " ssl crt /run/certificate.pem alpn h2"
    lines = mended(SERVING, Path("/run/x.http"), "192.0.2.7", tls=tls).splitlines()
    assert [line for line in lines if " ssl " in line] == [f"    bind 192.0.2.7:9000{tls}"]


def test_browsers_are_passed_to_the_pages_and_these_to_a_gateway_without_tls_on_the_way() -> None:
    lines = for_pages(Listener("2001:db8::7", 8080), Path("/run"), " ssl crt /run/both.pem").splitlines()
    binds = [line.removeprefix("    bind ") for line in lines if line.startswith("    bind ")]
    assert binds == ["[2001:db8::7]:8080 ssl crt /run/both.pem", "unix@/run/calls.sock"]
    assert [line for line in lines if line.startswith("    server ")] == [
        "    server pages unix@/run/pages.sock no-check"
    ]
    assert lines[-1] == "    default_backend gateways"


def test_browsers_that_open_connections_without_end_or_never_end_a_request_keep_no_caller_out() -> None:
    text = for_pages(Listener("127.0.0.1", 8080), Path("/run"))
    lines = text[: text.index("frontend calls_of_pages")].splitlines()
    assert "    maxconn 2048" in lines, "HAProxy has 4,096 of all"
    assert STREAMS_MAX + VISITS_MAX <= 2_048 * 3 // 4, "each stream is a connection, and so is each request"
    for line in ("    mode http", "    timeout http-request 10s", "    option http-buffer-request"):
        assert line in lines
    assert [line for line in lines if line.startswith("    http-error status 50")], "in none of gRPC's words"


def test_a_caller_cannot_name_another_application() -> None:
    assert "    http-request del-header application" in mended(SERVING, Path("/run/x.http"), "127.0.0.1").splitlines()


@pytest.mark.parametrize("text", ["", "frontend other\n", EARLY.replace("grpc-status 5 ", "grpc-status 5  ")])
def test_another_configuration_than_is_known_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="otherwise than Holdfast expects"):
        mended(text, Path("/run/x.http"), "127.0.0.1")


def test_the_stand_in_can_be_executed(tmp_path: Path) -> None:
    assert write_stand_in(tmp_path, "127.0.0.1", "127.0.0.1").stat().st_mode & 0o111
