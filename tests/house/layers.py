"""Imports point down only: the layers from bottom to top, and who may know which library.

core <- ground <- host <- actors <- cluster <- gateway <- root
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
    Layer("wire", ("holdfast",), ()),
    Layer("core", ("actors.ledger", "actors.orders"), ()),
    # What stands beside the core and knows no process: journals, time, places, the chain's file, what passes between.
    Layer(
        "ground",
        (
            "actors.journal",
            "actors.clock",
            "actors.placement",
            "actors.policy",
            "actors.chain",
            "actors.opening",
            "actors.envelope",
            "actors.order_envelope",
        ),
        ("core",),
    ),
    Layer("host", ("actors.host", "actors.cores", "actors.batcher", "actors.group_commit"), ("core", "ground")),
    Layer(
        "actors",
        (
            "actors.office",
            "actors.store_actor",
            "actors.hot_sku_actor",
            "actors.customer_actor",
            "actors.chain_actor",
            "actors.feed",
        ),
        ("core", "ground", "host"),
    ),
    Layer(
        "cluster",
        (
            "actors.cluster*",
            "actors.router",
            "actors.coordinator",
            "actors.errands",
            "actors.lingering",
            "actors.settler",
        ),
        ("core", "ground", "host", "actors"),
    ),
    # Ranking of shops is advice, and pure.
    Layer(
        "sourcing",
        ("serve.sourcing", "serve.ranking", "serve.cover", "serve.atlas", "serve.places"),
        ("core",),
    ),
    Layer("gateway", ("serve",), ("wire", "core", "ground", "host", "actors", "cluster", "sourcing")),
    # The composition root sees everything below it, and nothing below sees it.
    Layer(
        "root",
        ("serve.app", "serve.__main__"),
        ("wire", "core", "ground", "host", "actors", "cluster", "sourcing", "gateway"),
    ),
    # Clients run on other machines: they know the wire and nothing of the service.
    Layer("clients", ("clients",), ("wire",)),
    # Benchmarks measure every layer by itself.
    Layer(
        "bench",
        ("bench",),
        ("wire", "core", "ground", "host", "actors", "cluster", "sourcing", "gateway", "root", "clients"),
    ),
)

# The core asks for nothing: these parts of the standard library, none of which has a clock, chance, I/O or threads.
# Three are here for a shop's calendar alone. `datetime` counts days; its own clock is forbidden by conduct.one_clock.
# `zoneinfo` knows when clocks change, by rules that `importlib.resources` reads from the pinned tzdata, not from the
# machine: a table that does not change while we run, read once for each zone. `decide` may ask a calendar, `evolve`
# never does (an event carries the instant that came out), so a replay never depends on the table or its version.
CORE_MAY_IMPORT: Final = (
    "__future__",
    "abc",
    "array",
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "importlib.resources",
    "json",
    "itertools",
    "math",
    "operator",
    "sys",
    "types",
    "typing",
    "zlib",
    "zoneinfo",
)

# Libraries that only their owners may know. The longest name that fits an import decides.
OWNERS: Final[dict[str, tuple[str, ...]]] = {
    # Ray types stop at the edge; a peer or an echo in bench/ is a program of its own.
    "ray": ("actors.cluster*", "bench"),
    "ray.serve": ("serve.app", "serve.__main__", "bench"),
    # SQL and Redis stay in their journals; bench/peers holds what others would write by hand.
    "sqlite3": ("actors.journal.sqlite_file", "bench.peers"),
    "redis": ("actors.journal.redis", "bench.peers"),
    # Protobuf and gRPC stop at the door.
    "google": ("serve", "clients", "bench"),
    "grpc": ("serve", "clients", "bench"),
    "grpc_health": ("serve", "clients", "bench"),
    "grpc_reflection": ("serve", "clients", "bench"),
    "grpc_status": ("serve", "clients", "bench"),
    # Validation libraries are for configuration, never for the hot path.
    "pydantic": ("serve", "clients", "bench"),
    "pydantic_settings": ("serve", "clients", "bench"),
    # Holidays are looked up when hours are set, and journalled.
    "holidays": ("serve.public_holidays",),
    # Only a command talks to a terminal.
    "rich": ("clients", "bench"),
    "typer": ("clients", "bench", "serve.__main__"),
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
