"""Makes the environment of a service: the switches of Ray and Serve, and free ports for everything that listens.

Every one of these is read at import, in the driver and in every Ray process, so they must be set before any of them
starts. Measured with `python -m bench grpc`: with the default Python proxy a call costs some ten times the CPU.
"""

import os
import secrets
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, NamedTuple

from actors.telemetry.metrics import COLLECTION_VARIABLE
from serve.config.haproxy import BINARY_VARIABLE, GATEWAY_HOST_VARIABLE, Listener, write_stand_in
from serve.config.settings import SettingsError
from serve.config.tls import Tls

_BLOCKS_START: Final = 10_000
_BLOCKS_END: Final = 32_000

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
    "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "90",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    # For answers, which must not fail once it was decided. Requests are bounded at 16 MiB, see `serve.calls`.
    "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(64 * 1024 * 1024),
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(64 * 1024 * 1024),
    # A HAProxy that died is noticed after three checks; with the default of 10 s no call is served for half a minute.
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    # A start waits for HAProxy to find the gateway up: 2.5 s, and 5.7 s with the default of 5 s.
    "RAY_SERVE_HAPROXY_HEALTH_CHECK_INTER": "1s",
    "MALLOC_ARENA_MAX": "2",  # an arena a thread would cost an actor 30 MB
    # Workers are the gateways and actors, which somebody waits for: with Ray's default of 15 they run once nobody else
    # of this session wants to, its own daemons and HAProxy included.
    "RAY_worker_niceness": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    COLLECTION_VARIABLE: "0",
    "RAY_task_events_report_interval_ms": "0",
    # What Serve and Ray look at while nobody calls took 0.34 s of CPU a second with their defaults of 0.1 to 1 s, and
    # takes 0.15 s so. Serve's controller starts an ended gateway again within its interval.
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.3",
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "10000",
    "RAY_raylet_report_resources_period_milliseconds": "1000",
    "RAY_io_context_monitor_probe_interval_ms": "5000",
    "RAY_kill_idle_workers_interval_ms": "1000",
}

# For the nodes of a cluster: one whose Ray was killed is given up after 2 s, in place of 15, and one that is cut off
# or frozen after 4.8: its actors start on the others then. One that is given up in error has to be started again. With
# three times as much to do as two cores can, no check failed of a node that was well.
HEALTH_CHECKS: Final = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "700",
    "RAY_health_check_failure_threshold": "4",
    # So long nodes go on without the head, until that is started again, in place of a minute.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
}
# Where the head keeps its state, for one that is started again; by this name, so that no other cluster takes it up.
HEAD_STATE_VARIABLE: Final = "RAY_REDIS_ADDRESS"
HEAD_STATE_NAME: Final = {"RAY_external_storage_namespace": "holdfast"}
# An actor's successor has its hash, and so takes what it reads from a snapshot as it lay. Nobody else knows it.
HASH_SEED_VARIABLE: Final = "PYTHONHASHSEED"
HASH_SEEDS: Final = 2**32
TOKEN: Final = {"RAY_AUTH_MODE": "token"}  # Ray's calls need a secret: of each start, or the operator's in a cluster

# For a Ray of the service's own: what it and Serve listen with stays on the loopback address.
ALONE: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # the node's address is then 127.0.0.1, and C++ servers listen there
    "RAY_enable_pipe_based_agent_to_parent_health_check": "1",  # Ray's agents see a kill at once
}

# Where gateways and Serve's own proxies listen, for HAProxy.
LISTENING: Final = {"RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve.registration.listen_on_host"}

RUN_DIR_CHARS_MAX: Final = 24  # HAProxy's socket lies some 70 characters below it, and 97 are allowed
REPLICA_PORTS: Final = 64  # for each of HTTP and gRPC, behind HAProxy
NODE_PORTS: Final = 20_000  # the first of those that every node of a cluster has, above the ports of Ray's workers


def _hash_seed() -> str:
    return str(1 + secrets.randbelow(HASH_SEEDS - 1))  # 0 is everybody's


def kept_hash_seed(folder: Path) -> str:
    """The seed of a node, or of a data directory, drawn once: actors have it after a restart of Ray, or of the service,
    too. A folder that cannot be written has one for this time, and one that cannot be read has another from now on.
    """
    kept = folder / "hash_seed"
    with suppress(OSError, ValueError):
        found = int(kept.read_text(encoding="utf-8"))
        if 0 < found < HASH_SEEDS:
            return str(found)
    drawn, seed = folder / f"hash_seed.{os.getpid()}", _hash_seed()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        drawn.touch(mode=0o600)
        drawn.write_text(seed, encoding="utf-8")
        drawn.replace(kept)
    return seed


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def free_block(length: int) -> tuple[int, socket.socket]:
    """The first of `length` consecutive free ports below the range that the kernel hands out, and a guard.

    The guard listens on the port behind the block for as long as it is open. A second service that looks for ports in
    the same seconds passes that block over: finding the ports free would not keep them so until a replica binds them,
    and Serve's gRPC servers share a port without complaint.
    """
    first = secrets.randbelow((_BLOCKS_END - _BLOCKS_START) // (length + 1)) * (length + 1)
    span = _BLOCKS_END - _BLOCKS_START - length
    for offset in range(0, span, length + 1):
        start = _BLOCKS_START + (first + offset) % span
        guard = _bound(start + length)
        if guard is None:
            continue
        guard.listen()
        sockets = [_bound(port) for port in range(start, start + length)]
        for each in sockets:
            if each is not None:
                each.close()
        if None not in sockets:
            return start, guard
        guard.close()
    raise OSError(
        f"no {length} consecutive free ports between {_BLOCKS_START} and {_BLOCKS_END}; end what listens there"
    )


def _bound(port: int) -> socket.socket | None:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        return None
    return bound


class Ground(NamedTuple):
    """What a service stands on. `guard` must stay open while it runs, over an exec too."""

    environment: dict[str, str]
    ports: dict[str, int]
    guard: socket.socket


def address_of(host: str, port: int) -> str:
    """As gRPC and HAProxy read it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_port(host: str, port: int, options: str = "--port or --host") -> None:
    """Raise SettingsError where nobody can listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that ended do not count
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"{address_of(host, port)} cannot be listened on: {os.strerror(error.errno or 0)}; another service or "
                f"program may have it (`ss -ltnp sport = :{port}` tells): end that, or give another {options}"
            ) from error


class Ports(NamedTuple):
    """What is listened on from `first` on."""

    first: int

    @property
    def grpc(self) -> int:
        """For clients, where none is given."""
        return self.first + 2 * REPLICA_PORTS + 3

    @property
    def http(self) -> int:
        """For Serve's health."""
        return self.grpc + 1

    @property
    def pages(self) -> int:
        """For browsers, where none is given."""
        return self.http + 3

    @property
    def length(self) -> int:
        """How many ports these are."""
        return self.pages + 1 - self.first

    def environment(self) -> dict[str, str]:
        """As Serve reads the others."""
        http, grpc, fallback = (self.first + place * REPLICA_PORTS for place in range(3))
        return {
            "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(http),
            "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(grpc),
            "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(grpc),
            "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(fallback),
            # Serve's own proxy. Its default ports are the same for every service on a machine, so that calls would end
            # in another one's stock.
            "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(fallback + 1),
            "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(fallback + 2),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(self.http + 1),
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(self.http + 2),
        }


def service_environment(
    run_dir: Path,
    grpc_port: int,
    host: str = "127.0.0.1",
    *,
    metrics: int = 0,
    tls: Tls | None = None,
    pages: Listener | None = None,
    data_dir: Path | None = None,
) -> Ground:
    """The environment for every process of one service with a Ray of its own, and its ports by name.

    gRPC is served on `host`. `run_dir` takes what the service writes beside its data, and its path must be short:
    sockets lie in it. Ray collects metrics where they have a port. `pages` is where browsers find them, if any.
    `data_dir` keeps the hash: what was written before the last stop is then taken as it lies.
    """
    # HAProxy listens some ten seconds from now: until then Ray has opened dozens of ports that the kernel chose.
    block, guard = free_block(Ports(0).length)
    ports = Ports(block)
    pages = pages and pages._replace(port=pages.port or ports.pages)
    environment = {
        **SWITCHES,
        **ALONE,
        **TOKEN,
        HASH_SEED_VARIABLE: _hash_seed() if data_dir is None else kept_hash_seed(data_dir),
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        **({COLLECTION_VARIABLE: "1"} if metrics else {}),
        "RAY_TMPDIR": str(run_dir),
        **ports.environment(),
        **_haproxy_environment(run_dir, host, "127.0.0.1", tls, pages),
    }
    numbers = {"grpc": grpc_port or ports.grpc, "http": ports.http} | ({"pages": pages.port} if pages else {})
    return Ground(environment, numbers, guard)


def joining_environment(run_dir: Path, grpc_port: int) -> tuple[dict[str, str], dict[str, int]]:
    """The environment for the service's own process where it joins a cluster, whose nodes have `node_environment`, and
    the ports that HAProxy has on every node.
    """
    ports = Ports(NODE_PORTS)
    environment = {**SWITCHES, **TOKEN, **ports.environment(), "RAY_TMPDIR": str(run_dir)}
    return environment, {"grpc": grpc_port or ports.grpc, "http": ports.http}


def node_environment(
    run_dir: Path, host: str, *, metrics: bool = False, tls: Tls | None = None, head_redis: str | None = None
) -> dict[str, str]:
    """The environment for every process of one node of a cluster, which others reach at `host`. `run_dir` is as
    above. `head_redis`, of the head alone, is the address of the Redis in which Ray keeps its state.
    """
    return {
        **SWITCHES,
        **HEALTH_CHECKS,
        **({HEAD_STATE_VARIABLE: head_redis, **HEAD_STATE_NAME} if head_redis else {}),
        **TOKEN,
        HASH_SEED_VARIABLE: kept_hash_seed(run_dir),
        **({COLLECTION_VARIABLE: "1"} if metrics else {}),
        **Ports(NODE_PORTS).environment(),
        **_haproxy_environment(run_dir, host, host, tls),
    }


def _haproxy_environment(
    run_dir: Path, host: str, gateways: str, tls: Tls | None, pages: Listener | None = None
) -> dict[str, str]:
    """HAProxy listens for clients on `host`, encrypted with `tls`, and finds the node's gateways on `gateways`; it
    listens for browsers on `pages`.
    """
    if len(str(run_dir)) > RUN_DIR_CHARS_MAX:
        raise OSError(f"{run_dir} is too long for the sockets in it: at most {RUN_DIR_CHARS_MAX} characters")
    return {
        **LISTENING,
        GATEWAY_HOST_VARIABLE: gateways,
        BINARY_VARIABLE: str(write_stand_in(run_dir, host, gateways, tls, pages)),
        "RAY_SERVE_HAPROXY_LOG_TARGET": str(run_dir / "log.sock"),  # nobody reads there; by UDP it would hold a port
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(run_dir / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(run_dir / "admin.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(run_dir),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(run_dir / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(run_dir / "metrics.sock"),
    }
