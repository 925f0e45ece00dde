"""Imports point down only: the layers from bottom to top, and who may know which library.

core <- telemetry, protocol, journal <- rpc <- runtime <- actors <- ray <- gateway <- root
core, protocol <- routing <- coordination <- gateway
wire <- clients
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from tests.house.sources import PACKAGES, Source, Violation, imports, within


class Layer(NamedTuple):
    """Modules of one height. They may import one another, without a circle, and the layers that are named."""

    name: str
    modules: tuple[str, ...]
    below: tuple[str, ...]


LAYERS: Final = (
    # The generated modules of proto/.
    Layer("wire", ("holdfast.v1",), ()),
    # Pure: what both kinds of ledger share, a shop's hours, and the two kinds of ledger.
    Layer("core", ("actors.core", "actors.calendar", "actors.shop", "actors.orders", "actors.notices"), ()),
    # What operators see of any process: log lines, the requests that they are about, and figures.
    Layer("telemetry", ("actors.telemetry",), ("core",)),
    # What gateways and actors say to each other.
    Layer("protocol", ("actors.protocol",), ("core",)),
    Layer("journal", ("actors.journal",), ("core",)),
    # How customers are reached, beside all journals and in none.
    Layer("contacts", ("actors.contacts",), ("core", "journal")),
    # How notices leave the house.
    Layer("delivery", ("actors.delivery",), ("core", "journal", "contacts")),
    # Frames between gateways and actors, the two ends of a connection, and who looks at a process that does not answer.
    Layer("rpc", ("actors.rpc", "actors.watchdog"), ("core", "telemetry", "protocol", "journal")),
    Layer("runtime", ("actors.runtime",), ("core", "telemetry", "protocol", "journal", "rpc")),
    Layer(
        "actors",
        (
            "actors.store_actor",
            "actors.store_moves",
            "actors.store_transfers",
            "actors.store_shortfalls",
            "actors.store_picking",
            "actors.hot_sku_actor",
            "actors.customer_actor",
            "actors.chain_actor",
            "actors.notifier_actor",
        ),
        ("core", "telemetry", "protocol", "journal", "delivery", "rpc", "runtime"),
    ),
    Layer(
        "ray",
        ("actors.ray_actors", "actors.ray_metrics", "actors.ray_nodes"),
        ("core", "telemetry", "protocol", "journal", "delivery", "rpc", "runtime", "actors"),
    ),
    # A gateway's process. Ranking of shops is advice, and pure but for the question to the actors.
    Layer(
        "ranking",
        (
            "serve.sourcing.plan",
            "serve.sourcing.ranking",
            "serve.sourcing.store_index",
            "serve.sourcing.places",
        ),
        ("core",),
    ),
    Layer("routing", ("serve.routing",), ("core", "telemetry", "protocol")),
    Layer("coordination", ("serve.coordination",), ("core", "telemetry", "protocol", "runtime", "routing")),
    Layer(
        "gateway",
        ("serve",),
        (
            "wire",
            "core",
            "telemetry",
            "protocol",
            "journal",
            "contacts",
            "delivery",
            "runtime",
            "actors",
            "ray",
            "ranking",
            "routing",
            "coordination",
        ),
    ),
    # The pages' process: a client of the service like any other.
    Layer("pages", ("serve.pages",), ("telemetry", "clients")),
    # The composition root sees everything below it, and nothing below sees it.
    Layer(
        "root",
        ("serve.app", "serve.__main__"),
        (
            "wire",
            "core",
            "telemetry",
            "protocol",
            "journal",
            "contacts",
            "delivery",
            "runtime",
            "actors",
            "ray",
            "ranking",
            "routing",
            "coordination",
            "gateway",
        ),
    ),
    # Clients run on other machines: they know the wire and nothing of the service.
    Layer("clients", ("holdfast.client",), ("wire",)),
    # Benchmarks measure every layer by itself.
    Layer(
        "bench",
        ("bench",),
        (
            "wire",
            "core",
            "telemetry",
            "protocol",
            "journal",
            "contacts",
            "delivery",
            "rpc",
            "runtime",
            "actors",
            "ray",
            "ranking",
            "routing",
            "coordination",
            "gateway",
            "root",
            "clients",
        ),
    ),
)

# The core asks for nothing: msgspec, and these parts of the standard library; none has a clock, chance, I/O or threads.
# Three are here for a shop's calendar alone. `datetime` counts days; its own clock is forbidden by conduct.one_clock.
# `zoneinfo` knows when clocks change, by rules that `importlib.resources` reads from the pinned tzdata, not from the
# machine: a table that does not change while we run, read once for each zone. `decide` may ask a calendar, `evolve`
# never does (an event carries the instant that came out), so a replay never depends on the table or its version.
CORE_MAY_IMPORT: Final = (
    "__future__",
    "_md5",
    "abc",
    "array",
    "base64",
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "importlib.resources",
    "json",
    "itertools",
    "math",
    "msgspec",
    "operator",
    "re",
    "struct",
    "sys",
    "types",
    "typing",
    "zlib",
    "zoneinfo",
)

# Libraries that only their owners may know. The longest name that fits an import decides.
OWNERS: Final[dict[str, tuple[str, ...]]] = {
    # Ray types stop at the edge; a peer or an echo in bench/ is a program of its own.
    "ray": ("actors.ray_actors", "actors.ray_metrics", "actors.ray_nodes", "bench"),
    "ray.serve": ("serve.app", "serve.__main__", "bench"),
    # SQL and Redis stay in their journals; the peers in bench/ keep their stock in Redis or PostgreSQL.
    "sqlite3": (
        "actors.journal.sqlite_file",
        "actors.contacts.sqlite",
        "holdfast.client.till_journal",
        "holdfast.client.till_allotments",
        "holdfast.client.till_offline_journal",
    ),
    "redis": ("actors.journal.redis_server", "bench.peers"),
    "asyncpg": ("bench.peers.postgres",),
    # Protobuf and gRPC stop at the door.
    "google": ("serve", "holdfast.client", "bench"),
    "grpc": ("serve", "holdfast.client", "bench"),
    "grpc_health": ("serve", "holdfast.client", "bench"),
    "grpc_reflection": ("serve", "holdfast.client", "bench"),
    "grpc_status": ("serve", "holdfast.client", "bench"),
    # What is sealed at rest is sealed in one place; what is signed is signed in one, and verified by tills in another.
    "cryptography": ("actors.contacts.cipher", "serve.pickup.codes", "holdfast.client.pickup_codes"),
    # Ways out, and words.
    "aiosmtplib": ("actors.delivery.smtp",),
    "apprise": ("actors.delivery.by_apprise",),
    "jinja2": ("actors.delivery.wording", "serve.pages.rendering"),
    # HTTP for people.
    "starlette": ("serve.pages",),
    "uvicorn": ("serve.pages.__main__",),
    # The rules of fields are applied in one place.
    "protovalidate": ("serve.wire.rules",),
    # Validation libraries are for configuration, never for the hot path.
    "pydantic": ("serve", "holdfast.client", "bench"),
    "pydantic_settings": ("serve", "holdfast.client", "bench"),
    # Holidays are looked up when hours are set, and journalled.
    "holidays": ("serve.config.hours_text",),
    # Only a command talks to a terminal.
    "rich": ("holdfast.client", "bench"),
    "typer": ("holdfast.client", "bench"),
}

_BY_NAME: Final = {layer.name: layer for layer in LAYERS}


def layer_of(module: str) -> Layer | None:
    """The layer whose pattern fits best; `actors` itself, above which everything stands, counts as the core."""
    if module == "actors":
        return _BY_NAME["core"]
    fitting = [(len(pattern), layer) for layer in LAYERS for pattern in layer.modules if within(module, (pattern,))]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def imports_point_down(source: Source) -> Iterator[Violation]:
    """A module imports its own layer and those named below it, and the core only the pure part of the library."""
    own = layer_of(source.module)
    if own is None:
        yield source.at(1, f"{source.module} has no layer: give it one in tests/house/layers.py")
        return
    for node, name in imports(source):
        if name.startswith("."):
            yield source.at(node, "relative import: write the module's full name")
        elif within(name, (*PACKAGES, "holdfast")):
            other = layer_of(name)
            if other is None:
                yield source.at(node, f"{name} has no layer: give it one in tests/house/layers.py")
            elif other is not own and other.name not in own.below:
                yield source.at(node, f"imports point down only: {own.name} must not know {name} ({other.name})")
        elif own.name == "core" and not within(name, CORE_MAY_IMPORT):
            yield source.at(node, f"the core asks for nothing, and {name} is not on its list")


def libraries_have_owners(source: Source) -> Iterator[Violation]:
    """Ray, SQL, Redis, gRPC and terminals are known where they belong."""
    for node, name in imports(source):
        known = [library for library in OWNERS if within(name, (library,))]
        if known and not within(source.module, OWNERS[max(known, key=len)]):
            owners = ", ".join(OWNERS[max(known, key=len)])
            yield source.at(node, f"{name} may be imported by {owners} only")


def no_circles(sources: Iterable[Source]) -> Iterator[Violation]:
    """No module imports itself by way of others."""
    by_module = {source.module: source for source in sources}
    graph = {
        module: {target for _, name in imports(source) if (target := _target(name, by_module)) not in {"", module}}
        for module, source in by_module.items()
    }
    finished: set[str] = set()
    for start in graph:
        if circle := _circle(start, graph, (), finished):
            yield by_module[circle[0]].at(1, "a circle of imports: " + " -> ".join(circle))


def _target(name: str, by_module: dict[str, Source]) -> str:
    """The module of ours that an imported name leads to: itself, or the one that defines it."""
    parent = name.rpartition(".")[0]
    return name if name in by_module else parent if parent in by_module else ""


def _circle(module: str, graph: dict[str, set[str]], path: tuple[str, ...], finished: set[str]) -> tuple[str, ...]:
    if module in path:
        return (*path[path.index(module) :], module)
    if module in finished:
        return ()
    for target in sorted(graph[module]):
        if circle := _circle(target, graph, (*path, module), finished):
            finished.add(module)
            return circle
    finished.add(module)
    return ()
