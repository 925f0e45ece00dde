"""The composition root: starts Ray, Serve, HAProxy, the gateway and the actors on this machine, and drains and stops
them. The only module that imports ray.serve.

Serve reads its switches when it is imported, in every process, so `python -m serve` puts them into the environment
first and then runs this module in a fresh process (see `environment`).
"""

import logging
import os
from contextlib import suppress
from functools import partial
from secrets import token_urlsafe
from typing import Any, Final

import orjson
import ray.serve
from ray.serve._private.common import DeploymentID
from ray.serve._private.utils import DEFAULT
from ray.serve.config import HTTPOptions, ProxyLocation, gRPCOptions
from ray.serve.context import _get_global_client
from ray.serve.deployment import Application
from ray.serve.schema import LoggingConfig

from actors.contacts.cipher import ContactsError, make_key, read_key
from actors.contacts.open import has_contacts
from actors.core.chain import EMPTY, part_from_packed
from actors.journal.open import is_server, journal_names, place_of, with_format
from actors.journal.port import JournalError
from actors.protocol.formats import BeyondFormat
from actors.protocol.placement import CHAIN_ACTOR, ActorKind, kind_of
from actors.ray_actors import (
    SLOT_CPUS,
    CallFailed,
    call_actor,
    close_actors,
    make_actors,
    make_watchdogs,
    settled_format,
)
from actors.ray_nodes import Spread, make_keeper, node_address, nodes_up, start_ray, stop_ray
from actors.runtime.clock import SystemClock
from serve.config.chain_file import ChainFile, read_chain_file
from serve.config.data_dir import fix_placement
from serve.config.environment import address_of
from serve.config.pages import PagesProcess
from serve.config.processes import StopSignals
from serve.config.settings import (
    SERVICE_FILE,
    Settings,
    SettingsError,
    read_postcodes_file,
    read_products_file,
    read_settings,
)
from serve.config.stamp import fix_journal
from serve.config.tls import Renewal
from serve.gateway import Gateway
from serve.wire.stores import year_of

APPLICATION: Final = "holdfast"
DEPLOYMENT: Final = "Gateway"
ONGOING_MAX: Final = 8_192  # calls in one gateway; `serve.calls` refuses earlier, with RetryInfo
DRAIN_S: Final = 10.0
SERVE_LOGGING: Final = LoggingConfig(encoding="JSON", log_level="WARNING", enable_access_log=False)

log = logging.getLogger("holdfast.app")


def run(settings: Settings, ports: dict[str, int], signals: StopSignals) -> None:
    """Serve until SIGTERM or SIGINT; then drain, snapshot and end. The data directory is held, see `hold_data_dir`."""
    chain_file = read_chain_file(settings.chain_file) if settings.chain_file else ChainFile()
    read_postcodes_file(settings.postcodes)  # each gateway reads them again: faults are reported before the start
    read_products_file(settings.products)
    data_dir = settings.data_dir.resolve()
    if settings.ray_address:
        start_ray(settings.ray_address)
        check_nodes(settings.journals)  # before anything is noted in the data directory
    journals = fixed(settings)
    make_contacts_key(settings, journals)
    if not settings.ray_address:
        start_ray("", settings.metrics_port)
    signals.take_over()
    demo_token = token_urlsafe() if settings.demo_data else ""
    pages = PagesProcess(signals.run_dir, pages_url(settings, ports), demo_token) if settings.pages else None
    try:
        journals = start_ledgers(settings, chain_file, journals)
        url = pages_url(settings, ports) if settings.pages else settings.public_url
        gateways = start_gateway(settings, journals, ports, url)
        signals.serve_on()
        host = node_address() if settings.ray_address else str(settings.host)
        target = "127.0.0.1" if settings.host.is_unspecified else host  # for clients on this machine
        service: dict[str, object] = {"grpc": address_of(target, ports["grpc"]), "pid": os.getpid()}
        if settings.tls is not None:
            service["tls"] = True
        if pages is not None:
            pages.start()
            service["pages"] = pages.url
            log.info("pages on %s; `holdfast device add STORE NAME` lets a device in", pages.url)
            if demo_token:
                log.info("a tablet to play with: %s/enter#%s", pages.url, demo_token)
        (data_dir / SERVICE_FILE).write_bytes(orjson.dumps(service))
        kind = "gRPC" if settings.tls is None else "gRPC over TLS"
        log.info("serving %s on %s; stop with Ctrl-C", kind, address_of(host, ports["grpc"]))
        if settings.ray_address:
            Spread(journals, settings.actor_host, gateways.follow).watch(signals.asked)
        if settings.tls is not None:
            Renewal(settings.tls, signals.run_dir).watch(signals.asked)
        signals.asked.wait()
        log.info("draining")
    finally:
        (data_dir / SERVICE_FILE).unlink(missing_ok=True)
        if pages is not None:
            pages.stop()
        _stop(settings)


def pages_url(settings: Settings, ports: dict[str, int]) -> str:
    """Where devices find the pages."""
    host = "127.0.0.1" if settings.pages_host.is_unspecified else str(settings.pages_host)
    scheme = "http" if settings.tls is None else "https"
    return settings.public_url or f"{scheme}://{address_of(host, ports['pages'])}"


def application(arguments: dict[str, Any]) -> Application:
    """The service, for a file by which Serve's applications are deployed, as KubeRay does. Called in a task of Ray.

    `arguments` are settings by their names; others come by HOLDFAST_... of the nodes. The data directory must be on a
    disk that all of them have. How many gateways there are, the file says.
    """
    settings = read_settings(**{"ray_address": "auto", **arguments})
    chain_file = read_chain_file(settings.chain_file) if settings.chain_file else ChainFile()
    read_postcodes_file(settings.postcodes)
    read_products_file(settings.products)
    check_nodes(settings.journals)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    journals = fixed(settings)
    make_contacts_key(settings, journals)
    journals = start_ledgers(settings, chain_file, journals)
    make_keeper(journals, settings.actor_host)
    return gateway(settings, journals)


def fixed(settings: Settings) -> str:
    """The setting of the journals, as the data directory began with them and their placement."""
    data_dir = settings.data_dir.resolve()
    names: list[str] = []
    with suppress(JournalError, OSError, ValueError):  # which `fix_journal` tells
        names = journal_names(settings.journals)
    fix_placement(data_dir, settings.store_actors, settings.customer_actors, names)
    return fix_journal(data_dir, settings.journals, init=settings.init)


def start_ledgers(settings: Settings, chain_file: ChainFile, journals: str) -> str:
    """Start the chain, and every ledger at once: holds expire, and feeds go on, whether or not somebody calls. Returns
    the setting of the journals with the service's format, which no process learns otherwise.
    """
    make_watchdogs()
    names = [name for name in journal_names(journals) if kind_of(name) is not ActorKind.CHAIN]
    journals = with_format(journals, settled_format(journals, settings.actor_host, is_new=not names))
    apply_chain_file(chain_file, settings, journals)
    make_actors(names, journals, settings.actor_host)
    return journals


def make_contacts_key(settings: Settings, journals: str) -> None:
    """Make the key of contacts at the first start. Raises SettingsError where it cannot be read, or where contacts are
    there and it is missing: a new one would read none of them.
    """
    path = settings.contacts_key_path
    try:
        if not path.exists() and settings.contacts_key_file is None and not has_contacts(journals):
            make_key(path)
        read_key(path)
    except OSError as error:
        raise SettingsError(f"the key of contacts {path} cannot be made: {error.strerror}") from error
    except ContactsError as error:
        raise SettingsError(f"{error}; docs/operations.md, 'Contacts', says where it must be") from error


def check_nodes(journals: str) -> None:
    """Raise SettingsError where journals are files, which other nodes do not have."""
    nodes = nodes_up()
    if len(nodes) > 1 and not is_server(journals):
        raise SettingsError(
            f"Ray has {len(nodes)} nodes ({', '.join(sorted(nodes.values()))}), and the journals in "
            f"{place_of(journals)} are files of one machine: an actor that starts on another would find none. Give "
            "--journal redis://HOST:PORT/DB, or the address of a Ray of one node"
        )


class Gateways:
    """How many gateways there are: in a cluster `each` on each node."""

    def __init__(self, each: int, nodes: int) -> None:
        self._each = each
        self.wanted = each * nodes

    def follow(self, nodes: int) -> None:
        """Have as many as for that number of nodes. Serve has this for scalers of one's own, by its controller."""
        self.wanted = self._each * nodes
        client: Any = _get_global_client()
        controller = client._controller  # noqa: SLF001
        controller.update_deployment_replicas.remote(DeploymentID(DEPLOYMENT, APPLICATION), self.wanted)


def start_gateway(settings: Settings, journals: str, ports: dict[str, int], url: str) -> Gateways:
    """Serve, HAProxy and the gateways, every switch set. `url` is where customers find the pages, empty for nowhere."""
    in_cluster = bool(settings.ray_address)
    gateways = Gateways(settings.gateways, len(nodes_up()) if in_cluster else 1)
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
    ray.serve.run(
        gateway(settings, journals, gateways.wanted, url),
        name=APPLICATION,
        route_prefix="/",
        blocking=False,
        external_scaler_enabled=in_cluster,
    )
    return gateways


def gateway(settings: Settings, journals: str, replicas: int = 1, url: str = "") -> Application:
    """The gateways, so many of them; `url` is where customers find the pages."""
    deployment = ray.serve.deployment(
        name=DEPLOYMENT,
        num_replicas=replicas,
        max_replicas_per_node=settings.gateways if settings.ray_address else DEFAULT.VALUE,
        max_ongoing_requests=ONGOING_MAX,
        max_queued_requests=ONGOING_MAX,
        graceful_shutdown_timeout_s=DRAIN_S,
        graceful_shutdown_wait_loop_s=0.1,
        health_check_period_s=2,
        health_check_timeout_s=10,
        ray_actor_options={"num_cpus": SLOT_CPUS},
        logging_config=SERVE_LOGGING,
    )(Gateway)
    postcodes = str(settings.postcodes.resolve()) if settings.postcodes else ""
    products = str(settings.products.resolve()) if settings.products else ""
    return deployment.bind(
        journals,
        settings.actor_host,
        settings.store_actors,
        settings.customer_actors,
        postcodes,
        settings.sold_out_hint_ms,
        settings.hot_rate,
        fix_placement(settings.data_dir.resolve(), settings.store_actors, settings.customer_actors),
        str(settings.contacts_key_path),
        settings.messages_file is not None,
        products,
        url or settings.public_url,
        settings.directions,
    )


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
    try:
        if policy is not None:
            call("set_policy", policy, 0)
    except BeyondFormat as beyond:
        raise SettingsError(f"the chain file {settings.chain_file} does not hold: policy: {beyond}") from beyond


def _stop(settings: Settings) -> None:
    """Let accepted calls end, then the actors, then Ray: each step is taken whatever became of the one before."""
    try:
        _drain(settings.gateways * len(nodes_up()))
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
