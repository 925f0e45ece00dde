"""The nodes of Ray's cluster, and how actors are spread over them: by Ray when they start, and by `Spread` once a node
has joined.

Where an actor runs decides nothing: its journal is in a server, and its successor takes over from it by the epoch.
"""

import logging
import os
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Any, Final

import ray
from ray._private import node as ray_node
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.ray_actors import NAMESPACE, WATCHDOG, actor_names, actor_options, create_actor
from actors.rpc.frames import Address
from actors.telemetry.logs import keep_logs

LOOK_S: Final = 2.0  # between two looks at the nodes
OBJECT_STORE_BYTES: Final = 100 * 1024 * 1024  # nothing lives in the store
KEEPER: Final = "holdfast-keeper"
ADDRESSES_S: Final = 10.0  # until all actors have said where they are
MOVED_S: Final = 60.0  # until one serves on its new node
TRIES: Final = 20  # the name of an actor that was ended may still be its own for a moment
PAUSE_S: Final = 0.01

log = logging.getLogger("holdfast.nodes")


class LeanNode(ray_node.Node):
    """Ray's node without three processes that nobody asks here: the server of a dashboard, for whose imports a start
    waits; the autoscaler's monitor, as one machine has no nodes to add; and the one that prints workers' logs in the
    driver's. They took 1.4 of the 10 s of CPU of a start, and 155 of 890 MB (2026-12-01, Ray 2.60.0).
    """

    def start_api_server(self, **_: object) -> None:
        """Nothing."""

    def start_monitor(self) -> None:
        """Nothing."""

    def start_log_monitor(self) -> None:
        """Nothing."""


def start_ray(address: str, metrics_port: int = 0) -> None:
    """Join the cluster at `address`, or, where it is empty, start Ray on this machine for this service alone, with
    metrics on a port, if any: whether they are collected, the environment says.
    """
    options: dict[str, Any] = {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": logging.WARNING}
    if address:
        ray.init(address=address, **options)
        return
    module: Any = ray_node
    whole, module.Node = ray_node.Node, LeanNode
    try:
        ray.init(
            address="local",  # never join a cluster that is running here
            _node_ip_address="127.0.0.1",
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _metrics_export_port=metrics_port or None,
            num_cpus=max(4, os.cpu_count() or 1),  # slots for Serve's own actors, ours take next to none
            **options,
        )
    finally:
        module.Node = whole


def stop_ray() -> None:
    """Leave the cluster; one that `start_ray` started ends."""
    ray.shutdown()


def node_address() -> str:
    """The address by which Ray knows this machine, or finds it by itself where it has not started."""
    address: Any = ray.util.get_node_ip_address
    return str(address())


def nodes_up() -> dict[str, str]:
    """Addresses of the nodes that Ray takes for alive, by their ids."""
    nodes: Any = ray.nodes
    return {node["NodeID"]: node["NodeManagerAddress"] for node in nodes() if node["Alive"]}


def moves_to_spread(at: Mapping[str, str], nodes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Which actors go to which node, so that no node has two more than another: as few as it takes. `at` has the node
    of each actor; what is on none of `nodes` is left alone, as it is on its way.
    """
    placed: dict[str, list[str]] = {node: [] for node in sorted(nodes)}
    for actor in sorted(at):
        if at[actor] in placed:
            placed[at[actor]].append(actor)
    moves = []
    while placed:
        fullest = max(placed, key=lambda node: len(placed[node]))
        emptiest = min(placed, key=lambda node: len(placed[node]))
        if len(placed[fullest]) - len(placed[emptiest]) < 2:
            break
        actor = placed[fullest].pop()
        placed[emptiest].append(actor)
        moves.append((actor, emptiest))
    return moves


class Spread:
    """Moves actors to nodes that have joined since the last look; `changed` is told how many nodes are up now. See
    `ray_actors` for `journals` and `host`.
    """

    def __init__(self, journals: str, host: str, changed: Callable[[int], None] = lambda _: None) -> None:
        self._journals = journals
        self._host = host
        self._changed = changed
        self._pause = Event()
        self._known = nodes_up()

    def watch(self, until: Event) -> None:
        """Look every LOOK_S, until that is set."""
        while not until.wait(LOOK_S):
            try:
                self.look()
            except Exception:
                log.exception("the nodes could not be looked at")

    def look(self) -> None:
        """Compare the nodes with those of the last look; where one has joined, move actors one after another."""
        nodes = nodes_up()
        for node in self._known.keys() - nodes.keys():
            log.warning("the node %s is gone; its actors start on the others", self._known[node])
        joined = nodes.keys() - self._known.keys()
        if nodes.keys() != self._known.keys():
            self._changed(len(nodes))
        if joined:
            log.info("nodes have joined: %s", ", ".join(sorted(nodes[node] for node in joined)))
            for actor, node in moves_to_spread(_actors_at(), nodes):
                self._move(actor, node, nodes[node])
        self._known = nodes  # not before: where Ray did not answer, the next look does all of it

    def _move(self, actor: str, node: str, address: str) -> None:
        """End it as a kill would, which its callers know to wait out, and start it on that node."""
        try:
            ray.kill(ray.get_actor(actor, namespace=NAMESPACE))
            handle = self._created_anew(actor, NodeAffinitySchedulingStrategy(node, soft=True))
            ray.get(handle.recovered.remote(), timeout=MOVED_S)
            now_on = Address(*ray.get(handle.address.remote(), timeout=MOVED_S)).node_id
            if now_on == node:
                log.info("%s has moved to the node %s", actor, address)
            else:
                log.warning("%s did not move to the node %s: Ray has started it elsewhere", actor, address)
        except (RayError, GetTimeoutError, ValueError) as error:  # who calls it next starts it, wherever
            log.warning("%s did not move to the node %s: %s", actor, address, error)

    def _created_anew(self, actor: str, strategy: Any) -> Any:
        """Before a gateway that misses it creates it. Raises ValueError where one has."""
        for tried in range(TRIES):
            try:
                return create_actor(actor, self._journals, self._host, strategy, anew=True)
            except ValueError:  # Ray has not heard of the end of the one before
                if tried == TRIES - 1:
                    raise
                self._pause.wait(PAUSE_S)
        raise AssertionError("the last try returns or raises")


class RayKeeper:
    """Looks at the nodes in a process of its own, where no service has a process that would."""

    def __init__(self, journals: str, host: str) -> None:
        keep_logs("keeper")
        Thread(target=Spread(journals, host).watch, args=(Event(),), name="nodes", daemon=True).start()


def make_keeper(journals: str, host: str) -> None:
    """Have a keeper, if there is none."""
    options = actor_options(KEEPER) | {"namespace": WATCHDOG}
    ray.remote(RayKeeper).options(**options).remote(journals, host)


def _actors_at() -> dict[str, str]:
    """The node's id of each actor that answers."""
    asked = {}
    for actor in actor_names():
        try:
            handle: Any = ray.get_actor(actor, namespace=NAMESPACE)
        except ValueError:  # it has ended meanwhile
            continue
        asked[handle.address.remote()] = actor
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=ADDRESSES_S) if asked else ([], [])
    found = {}
    for answer in answered:
        try:
            found[asked[answer]] = Address(*ray.get(answer)).node_id
        except RayError:
            continue
    return found
