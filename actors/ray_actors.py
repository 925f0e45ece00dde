"""Makes Ray actors of the plain classes, and connects to them by name. Beside `ray_nodes` the only module that imports
Ray's core.

Ray provides placement, names and restarts, but neither exactly-once nor fencing: those are the journal's and the
ledger's. So Ray never retries tasks, and a second actor for the same shop would be fenced.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, ClassVar, Final, NoReturn

import psutil
import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.chain_actor import ChainActor
from actors.customer_actor import CustomerActor
from actors.hot_sku_actor import HotSkuActor
from actors.journal.open import format_of, open_journal
from actors.journal.port import JournalError, JournalFailed
from actors.notifier_actor import NotifierActor
from actors.protocol.formats import FIRST, NEWEST, Writing
from actors.protocol.messages import ActorGone
from actors.protocol.placement import CHAIN_ACTOR, ActorKind, kind_of
from actors.ray_metrics import publish_figures
from actors.rpc.backoff import Away
from actors.rpc.client import ActorFailed, ActorSilent, Connection
from actors.rpc.frames import Address
from actors.rpc.methods import methods_of
from actors.rpc.server import Server
from actors.runtime.actor_runtime import LedgerActor
from actors.runtime.clock import SystemClock
from actors.store_actor import StoreActor
from actors.telemetry.logs import keep_logs
from actors.watchdog import Watchdog

NAMESPACE: Final = "holdfast"
WATCHDOG: Final = "holdfast-watchdog"  # a namespace of those that are no actors of ledgers
CONTROL_CALLS_MAX: Final = 4  # threads of an actor for Ray's calls, which only control it
ADDRESS_S: Final = 0.3  # a call to a restarting actor may hang, so the address is then asked for anew
START_S: Final = 10.0  # of an actor that may just have been created
ADDRESSES_ASKED_MAX: Final = 8
LOOKS_MAX: Final = 64  # processes that a watchdog looks at, at once: a disk that hangs stops many
RECOVERY_S_MAX: Final = 600.0  # by actor, at the start of a service
RECOVERING_MAX: Final = 4  # actors at once
SLOT_CPUS: Final = 0.001  # of Ray's counting; for an actor that needs nothing Ray takes any node, whatever the strategy
CALL_S: Final = 30.0
CLOSE_S: Final = 30.0  # the last snapshot of a million holds takes some seconds
EXIT_JOURNAL: Final = 70  # the exit status of an actor whose journal failed or was taken over

log = logging.getLogger("holdfast.cluster")


# Any failure of a call by Ray itself.
CallFailed = RayError


def end_process(failure: JournalError) -> NoReturn:
    """End the process: memory is ahead of the disk, or another owner has taken over, so it must not answer any more."""
    log.critical("the actor ends: %s", failure)
    logging.shutdown()
    os._exit(EXIT_JOURNAL)


class _Process:
    """An actor in a process of its own. `journals` is a setting of `journal.open`; `host` is where it listens, empty
    for the address by which Ray knows its node. Ray's calls control the process; all others come over `rpc`.
    """

    plain: ClassVar[type[Any]]

    def __init__(self, name: str, journals: str, host: str) -> None:
        keep_logs(name, actor=name)

        def build() -> Any:
            journal = open_journal(journals, name)
            try:
                clock = SystemClock(journal.kept_clock())
                # The chain's own journal says the service's format.
                told: dict[str, Any] = {} if self.plain is ChainActor else {"writing": writing_of(journals)}
                if self.plain is NotifierActor:  # imported by name, as no other process needs what sends
                    told["desk"] = import_module("actors.delivery.open").desk_of_environment(journals, clock.now_ms)
                actor = self.plain(name, journal, clock, end_process, **told)
            except BaseException:
                journal.close()  # the next try opens it anew, and a file has one connection
                raise
            if isinstance(actor, LedgerActor):
                publish_figures(actor.figures.all, name)
            return actor

        node_host: Any = ray.util.get_node_ip_address
        self._server = Server(name, host or node_host(), build, _end, writing_of(journals).packed)

    def address(self) -> Address:
        """Where the actor listens. It does as soon as the process is up, and answers once it has opened its journal."""
        server, pid = self._server, os.getpid()
        node_id = ray.get_runtime_context().get_node_id()
        return Address(server.host, server.port, server.secret, pid, psutil.Process(pid).create_time(), node_id)

    def recovered(self) -> str:
        """Wait for the actor's recovery, of all of its ledgers. Returns why it failed, empty where the actor serves."""
        self._server.tried.wait()
        if isinstance(self._server.actor, LedgerActor):
            self._server.actor.recovered.wait()
        return self._server.failure

    def close(self) -> None:
        """End the connections, and let the actor write its snapshots."""
        self._server.close()
        if self._server.actor is not None:
            self._server.actor.close()


class RayWatchdog(Watchdog):
    """The Watchdog of a node, in a process of its own."""

    def __init__(self) -> None:
        keep_logs("watchdog")
        super().__init__()


def _end(failure: Exception) -> NoReturn:
    end_process(JournalFailed(repr(failure)))


class RayStoreActor(_Process):
    """A StoreActor in a process of its own."""

    plain = StoreActor


class RayCustomerActor(_Process):
    """A CustomerActor in a process of its own."""

    plain = CustomerActor


class RayHotSkuActor(_Process):
    """A HotSkuActor in a process of its own."""

    plain = HotSkuActor


class RayChainActor(_Process):
    """The ChainActor in a process of its own."""

    plain = ChainActor


class RayNotifierActor(_Process):
    """The NotifierActor in a process of its own."""

    plain = NotifierActor


_CLASSES: Final[dict[ActorKind, type[_Process]]] = {
    ActorKind.CHAIN: RayChainActor,
    ActorKind.CUSTOMERS: RayCustomerActor,
    ActorKind.STORE: RayStoreActor,
    ActorKind.HOT: RayHotSkuActor,
    ActorKind.NOTIFIER: RayNotifierActor,
}


def writing_of(journals: str) -> Writing:
    """How a service with this setting writes. Raises ValueError for a later format than this version knows."""
    return Writing(format_of(journals))


class RayActors:
    """Named, detached actors, created on first use, and a connection to each. Implements `protocol.messages.Actors`.

    `host` is where actors listen, see `_Process`.
    """

    def __init__(self, journals: str, host: str) -> None:
        self._journals = journals
        self._encode = writing_of(journals).packed
        self._host = host
        self._handles: dict[str, Any] = {}
        self._connections: dict[str, Connection] = {}
        self._connecting: dict[str, asyncio.Lock] = {}
        self._asked: dict[str, list[asyncio.Future[Any]]] = {}  # calls for an address without an answer yet
        self._looking: dict[int, asyncio.Task[None]] = {}
        self._away = Away()

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        """See `Actors.call`. A restarting actor raises ActorGone at once; the router repeats the call."""
        connection = self._connections.get(actor)
        if connection is None or not connection.is_open:
            connection = await self._connect(actor)
        return await connection.call(method, args)

    async def names(self) -> frozenset[str]:
        return frozenset(await asyncio.to_thread(actor_names))

    async def close(self) -> None:
        for connection in self._connections.values():
            connection.abort()
        await asyncio.sleep(0)  # they are closed in the loop's next turn

    async def _connect(self, actor: str) -> Connection:
        async with self._connecting.setdefault(actor, asyncio.Lock()):
            connection = self._connections.get(actor)
            if connection is None or not connection.is_open:
                if why := self._away.why_not(actor):
                    raise ActorGone(why)
                try:
                    connection = self._connections[actor] = await self._open(actor)
                except ActorGone as error:
                    self._away.failed(actor, str(error))
                    raise
                self._away.reached(actor)
            return connection

    async def _open(self, actor: str) -> Connection:
        address = await self._address_of(actor)
        suspect = partial(self._suspect, actor, address)
        try:
            methods = methods_of(_CLASSES[kind_of(actor)].plain)  # type: ignore[arg-type]  # classes have a hash
            return await Connection.open(actor, address, methods, suspect, self._encode)
        except ActorSilent:
            suspect()
            raise

    async def _address_of(self, actor: str) -> Address:
        handle = self._handles.get(actor)
        if handle is None:
            handle = self._handles[actor] = await asyncio.to_thread(create_actor, actor, self._journals, self._host)
        asked = self._asked.setdefault(actor, [])
        asked.append(asyncio.wrap_future(handle.address.remote().future()))
        asked[-1].add_done_callback(partial(self._answered, actor))
        patience_s = ADDRESS_S if actor in self._connections else START_S
        done, _ = await asyncio.wait(asked, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        answered = [each for each in asked if each in done]
        self._asked[actor] = [each for each in asked if each not in done][-ADDRESSES_ASKED_MAX:]
        if not answered:
            raise ActorGone(f"{actor} has not started yet")
        try:
            return Address(*([each for each in answered if not each.exception()] or answered)[-1].result())
        except ActorUnavailableError as error:
            raise ActorGone(str(error)) from error
        except RayActorError as error:
            self._handles.pop(actor, None)  # it will not be restarted: the next call creates it anew
            raise ActorGone(str(error)) from error

    def _answered(self, actor: str, answer: "asyncio.Future[Any]") -> None:
        """Of an actor that is left alone for a while, as it was away: it has started. Nobody waits for this answer."""
        if not (answer.cancelled() or answer.exception() or self._connecting[actor].locked()):
            self._away.heard(actor)

    def _suspect(self, actor: str, address: Address) -> None:
        """Let the watchdog of the actor's node look at a process that does not answer."""

        async def look() -> None:
            try:
                watchdog = await asyncio.to_thread(make_watchdog, address.node_id)
                await watchdog.end_if_stuck.remote(actor, address)
            except RayError as error:
                log.warning("%s does not answer, and the watchdog of its node does not either: %s", actor, error)
            finally:
                del self._looking[address.pid]

        if address.pid not in self._looking:
            self._looking[address.pid] = asyncio.get_running_loop().create_task(look())


def make_actors(actors: Sequence[str], journals: str, host: str) -> None:
    """Create actors, a few at a time, and wait for each to recover, however long its journal.

    A failure is logged; the actor is started again by itself.
    """
    for first in range(0, len(actors), RECOVERING_MAX):
        handles = {actor: create_actor(actor, journals, host) for actor in actors[first : first + RECOVERING_MAX]}
        for actor, handle in handles.items():
            try:
                failure = ray.get(handle.recovered.remote(), timeout=RECOVERY_S_MAX)
            except (RayActorError, GetTimeoutError) as error:
                failure = error
            if failure:
                log.critical("%s did not recover, and is tried again: %s", actor, failure)


def make_watchdogs() -> None:
    """Create the watchdog of every node that is up now; of a later one, the first who needs it does."""
    nodes: Any = ray.nodes
    for node in nodes():
        if node["Alive"]:
            make_watchdog(node["NodeID"])


def make_watchdog(node_id: str) -> Any:
    """The handle of the node's watchdog, created if there is none."""
    options = actor_options(f"{WATCHDOG}-{node_id}") | {
        "namespace": WATCHDOG,
        "max_concurrency": LOOKS_MAX,
        "num_cpus": 0,  # also on a node that is given no actor of ours
        "scheduling_strategy": NodeAffinitySchedulingStrategy(node_id, soft=False),
    }
    return ray.remote(RayWatchdog).options(**options).remote()


def create_actor(actor: str, journals: str, host: str, strategy: Any = "SPREAD", *, anew: bool = False) -> Any:
    """The actor's handle, created by that strategy of Ray's if there is none. Where it is to be made anew, raises
    ValueError if there is one.
    """
    remote: Any = ray.remote(_CLASSES[kind_of(actor)])
    options = actor_options(actor) | {"scheduling_strategy": strategy, "get_if_exists": not anew}
    return remote.options(**options).remote(actor, journals, host)


def actor_options(name: str) -> dict[str, Any]:
    """What Ray is told of each of our actors."""
    return {
        "name": name,
        "namespace": NAMESPACE,
        "get_if_exists": True,
        "lifetime": "detached",
        "max_restarts": -1,
        "max_task_retries": 0,
        "max_concurrency": CONTROL_CALLS_MAX,
        "num_cpus": SLOT_CPUS,
        "enable_task_events": False,
    }


def call_actor(actor: str, journals: str, host: str, method: str, *args: Any) -> Any:
    """Call an actor from outside an event loop, creating it if there is none. Raises ActorGone."""

    async def call() -> Any:
        actors = RayActors(journals, host)
        try:
            async with asyncio.timeout(CALL_S):
                return await actors.call(actor, method, *args)
        except TimeoutError:
            raise ActorGone(f"{actor} did not answer in {CALL_S:.0f} s") from None
        finally:
            await actors.close()

    return asyncio.run(call())


def settled_format(journals: str, host: str, *, is_new: bool) -> int:
    """The service's format, as its chain's journal says it at a start; see `ChainActor.settle_format`. A chain's actor
    of a version from before, that has gone on running, knows none but the first.
    """
    try:
        number: int = call_actor(CHAIN_ACTOR, journals, host, "settle_format", is_new)
    except ActorFailed as error:
        log.warning("the service goes on with the first format: %s", error)
        return FIRST
    log.info("the service has format %d; this version knows formats up to %d", number, NEWEST)
    return number


def close_actors(each: Callable[[str], None]) -> None:
    """Let every actor write its snapshots and end, for a quick next start, and end the watchdogs. `each` is called with
    each actor's name.
    """
    for name in _names_in(WATCHDOG):  # before the actors: one that closes does not answer
        with suppress(RayError, ValueError):
            ray.kill(ray.get_actor(name, namespace=WATCHDOG))
    for name in actor_names():
        each(name)
        try:
            handle: Any = ray.get_actor(name, namespace=NAMESPACE)
            ray.get(handle.close.remote(), timeout=CLOSE_S)
            ray.kill(handle)
        except (RayError, ValueError) as error:  # the actor's own errors too: the others must still be closed
            log.warning("%s did not close; its journal has all that it answered: %s", name, error)


def actor_names() -> list[str]:
    """The names of the actors that have been created."""
    return _names_in(NAMESPACE)


def _names_in(namespace: str) -> list[str]:
    entries = ray.util.list_named_actors(all_namespaces=True)
    return [entry["name"] for entry in entries if entry["namespace"] == namespace]
