"""The switches of Ray and Serve, and free ports for all that listens. Pure: it makes an environment, others use it.

Every one of these is read at import, in the driver and in every Ray process, so they must be set before any of them
starts. Measured with `python -m bench grpc`: with the default Python proxy a call costs some ten times the CPU.
"""

import socket
from pathlib import Path
from typing import Final

SWITCHES: Final = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_ENABLE_DIRECT_INGRESS": "1",
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "1",  # for the one handle that tells gateways to drain
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    # One connection carries a whole client: its streams and its largest batches must fit.
    "RAY_SERVE_HAPROXY_H2_FE_MAX_CONCURRENT_STREAMS": "4096",
    "RAY_SERVE_HAPROXY_H2_BE_MAX_CONCURRENT_STREAMS": "4096",
    "RAY_SERVE_HAPROXY_H2_FE_INITIAL_WINDOW_SIZE": "1048576",
    "RAY_SERVE_HAPROXY_H2_BE_INITIAL_WINDOW_SIZE": "1048576",
    "RAY_SERVE_HAPROXY_NBTHREAD": "2",
    "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "15",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(16 * 1024 * 1024),
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(16 * 1024 * 1024),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ENABLE_METRICS_COLLECTION": "0",
    "RAY_task_events_report_interval_ms": "0",
}

REPLICA_PORTS: Final = 64  # for each of HTTP and gRPC, behind HAProxy


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def free_block(length: int, beside: int = 0) -> int:
    """The first of `length` consecutive free ports outside the range that the kernel hands out by itself."""
    for start in range(10_000 + beside, 32_000, length):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(length)]
        try:
            for offset, each in enumerate(sockets):
                each.bind(("127.0.0.1", start + offset))
        except OSError:
            continue
        else:
            return start
        finally:
            for each in sockets:
                each.close()
    raise OSError(f"no {length} consecutive free ports between 10000 and 32000; end what listens there")


def service_environment(run_dir: Path, grpc_port: int) -> tuple[dict[str, str], dict[str, int]]:
    """The environment for every process of one service, and its ports by name."""
    grpc, http, stats, metrics, fallback_grpc, fallback_http = free_ports(6)
    grpc = grpc_port or grpc
    spread = run_dir.stat().st_ino % 10_000  # two services that start at once look in different places
    block = free_block(2 * REPLICA_PORTS, spread - spread % (2 * REPLICA_PORTS))
    environment = {
        **SWITCHES,
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(block),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(block + REPLICA_PORTS),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(block + REPLICA_PORTS),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(block + 2 * REPLICA_PORTS),
        # While no gateway is up HAProxy sends calls here: with the fixed default, into another service on this machine.
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(fallback_grpc),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(fallback_http),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(run_dir / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(run_dir / "admin.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(run_dir),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(run_dir / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(run_dir / "metrics.sock"),
    }
    return environment, {"grpc": grpc, "http": http}
