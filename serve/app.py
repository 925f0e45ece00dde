"""The composition root: starts Ray, Serve, HAProxy, the gateway and the actors on this machine, and drains and stops
them. The only module that imports ray.serve.

Serve reads its switches when it is imported, in every process, so `python -m serve` puts them into the environment
first and then runs this module in a fresh process (see `environment`).
"""

import logging
import os
from functools import partial
from typing import Final

import orjson
import ray.serve
from ray.serve.config import HTTPOptions, ProxyLocation, gRPCOptions
from ray.serve.schema import LoggingConfig

from actors.core.chain import EMPTY, part_from_packed
from actors.journal.open import journal_names
from actors.protocol.placement import CHAIN_ACTOR, ActorKind, kind_of
from actors.ray_actors import CallFailed, call_actor, close_actors, make_actors, make_watchdogs, start_ray, stop_ray
from actors.runtime.clock import SystemClock
from serve.config.chain_file import ChainFile, read_chain_file
from serve.config.environment import address_of
from serve.config.processes import StopSignals
from serve.config.settings import SERVICE_FILE, Settings, fix_placement, read_postcodes_file
from serve.config.stamp import fix_journal
from serve.gateway import Gateway
from serve.wire.stores import year_of

APPLICATION: Final = "holdfast"
ONGOING_MAX: Final = 8_192  # calls in one gateway; `serve.calls` refuses earlier, with RetryInfo
DRAIN_S: Final = 10.0
SERVE_LOGGING: Final = LoggingConfig(encoding="JSON", log_level="WARNING", enable_access_log=False)

log = logging.getLogger("holdfast.app")


def run(settings: Settings, ports: dict[str, int], signals: StopSignals) -> None:
    """Serve until SIGTERM or SIGINT; then drain, snapshot and end. The data directory is held, see `hold_data_dir`."""
    chain_file = read_chain_file(settings.chain_file) if settings.chain_file else ChainFile()
    read_postcodes_file(settings.postcodes)  # each gateway reads it again: faults are reported before the start
    data_dir = settings.data_dir.resolve()
    fix_placement(data_dir, settings.store_actors, settings.customer_actors)
    journals = fix_journal(data_dir, settings.journals, init=settings.init)
    start_ray(settings.ray_address, settings.metrics_port)
    signals.take_over()
    try:
        make_watchdogs()
        apply_chain_file(chain_file, settings, journals)
        # Every ledger comes back at once: its holds expire, and its feed goes on, whether or not somebody calls.
        names = [name for name in journal_names(journals) if kind_of(name) is not ActorKind.CHAIN]
        make_actors(names, journals, settings.actor_host)
        start_gateway(settings, journals, ports)
        signals.serve_on()
        target = "127.0.0.1" if settings.host.is_unspecified else str(settings.host)  # for clients on this machine
        service = {"grpc": address_of(target, ports["grpc"]), "pid": os.getpid()}
        (data_dir / SERVICE_FILE).write_bytes(orjson.dumps(service))
        log.info("serving gRPC on %s; stop with Ctrl-C", address_of(str(settings.host), ports["grpc"]))
        signals.asked.wait()
        log.info("draining")
    finally:
        (data_dir / SERVICE_FILE).unlink(missing_ok=True)
        _stop(settings)


def start_gateway(settings: Settings, journals: str, ports: dict[str, int]) -> None:
    """Serve, HAProxy and the gateway, every switch set."""
    ray.serve.start(
        proxy_location=ProxyLocation.EveryNode,
        http_options=HTTPOptions(host="127.0.0.1", port=ports["http"]),
        grpc_options=gRPCOptions(
            port=ports["grpc"],
            grpc_servicer_functions=["serve.registration.register_holdfast", "serve.registration.register_health"],
            enable_reflection=True,
        ),
        logging_config=SERVE_LOGGING,
    )
    deployment = ray.serve.deployment(
        name="Gateway",
        num_replicas=settings.gateways,
        max_ongoing_requests=ONGOING_MAX,
        max_queued_requests=ONGOING_MAX,
        graceful_shutdown_timeout_s=DRAIN_S,
        graceful_shutdown_wait_loop_s=0.1,
        health_check_period_s=2,
        health_check_timeout_s=10,
        ray_actor_options={"num_cpus": 0},
        logging_config=SERVE_LOGGING,
    )(Gateway)
    postcodes = str(settings.postcodes.resolve()) if settings.postcodes else ""
    application = deployment.bind(
        journals,
        settings.actor_host,
        settings.store_actors,
        settings.customer_actors,
        postcodes,
        settings.sold_out_hint_ms,
        settings.hot_rate,
    )
    ray.serve.run(application, name=APPLICATION, route_prefix="/", blocking=False)


def apply_chain_file(chain_file: ChainFile, settings: Settings, journals: str) -> None:
    """Make stores and policy as the file says. What is so already changes nothing, and a shop that an operator has
    paused stays so where the file does not say otherwise.
    """
    call = partial(call_actor, CHAIN_ACTOR, journals, settings.actor_host)
    document = call("document", 0)
    chain = EMPTY if document is None else EMPTY.with_part(part_from_packed(document))
    paused = {store_id for store_id, store in chain.stores.items() if store.paused}
    stores = chain_file.to_stores(year_of(SystemClock().now_ms()), paused)
    if stores:
        call("put_stores", stores)
    policy = chain_file.to_policy()
    if policy is not None:
        call("set_policy", policy, 0)


def _stop(settings: Settings) -> None:
    """Let accepted calls end, then the actors, then Ray: each step is taken whatever became of the one before."""
    try:
        _drain(settings.gateways)
    finally:
        try:
            close_actors(lambda name: log.info("closing %s", name))
        finally:
            stop_ray()


def _drain(gateways: int) -> None:
    try:
        handle = ray.serve.get_app_handle(APPLICATION)
        for _ in range(gateways):
            handle.drain.remote().result(timeout_s=DRAIN_S)
    except (ray.serve.exceptions.RayServeException, CallFailed, TimeoutError) as error:
        log.warning("the gateway could not be told to drain: %s", error)
    ray.serve.shutdown()
