"""The deployment. Serve finds a method by the last part of the call's path, so names are unique over all services. The
methods are made from the descriptors; each service lists how its own calls are served.

Requests come in as bytes: what is not a message must become INVALID_ARGUMENT with a sentence, and a batch is cut into
its items by its service, not by the server.
"""

import gc
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2 as hp

from actors.contacts.address_book import AddressBook
from actors.contacts.open import open_book
from actors.protocol.placement import Placement
from actors.ray_actors import RayActors, writing_of
from actors.ray_metrics import publish_figures
from actors.runtime.clock import Clock, SystemClock
from actors.telemetry.logs import keep_logs
from actors.telemetry.metrics import Figures
from holdfast.v1.services import SERVICES
from serve.calls import READS, Calls, read_stream
from serve.config.settings import read_postcodes_file, read_products_file
from serve.coordination.coordinator import Coordinator
from serve.coordination.grants import Grants
from serve.coordination.hot import HotCalls
from serve.coordination.hot_keeper import HotKeeper
from serve.coordination.hot_units import HotUnits
from serve.coordination.moves import Mover
from serve.coordination.reconciler import Reconciler
from serve.figures import watch
from serve.health import Health
from serve.products.table import ProductFile
from serve.registration import serve_here
from serve.routing.rates import Rates
from serve.routing.router import Router
from serve.services.admin import Admin
from serve.services.allotments import Allotments
from serve.services.contacts import Contacts, without_key
from serve.services.devices import Devices
from serve.services.events import Feeds
from serve.services.handed_over import HandedOver
from serve.services.hot_skus import HotSkus
from serve.services.new_orders import NewOrders
from serve.services.notice_feed import NoticeFeed
from serve.services.notices import Notices
from serve.services.orders import Orders
from serve.services.picking import Picking
from serve.services.pickup_keys import KeyRing
from serve.services.pickup_links import NOTHING_TOLD, CustomersTold
from serve.services.pickups import Pickups
from serve.services.readers import Readers
from serve.services.reservations import Reservations
from serve.services.shortfalls import Shortfalls
from serve.services.stock import Stock
from serve.services.store_directory import StoreDirectory
from serve.services.store_moves import StoreMoves
from serve.services.transfer_verification import TransferVerification
from serve.services.transfers import Transfers
from serve.services.verification import Verification
from serve.services.watches import Watches
from serve.sourcing.places import Postcodes
from serve.sourcing.search import Finder

log = logging.getLogger("holdfast.gateway")


class Gateway:
    """Builds the services, each whole. `journals` is the setting of `actors.journal.open`. `postcodes` is the path of
    the table, and `products` of that one, empty where there is none; `hint_ms` how long a SKU counts as sold out that a
    shop has said to be so; `hot_rate` how many calls a second for it promote a SKU. `store_actors` are those that shops
    are to lie with, by the number that the data directory began with until they have moved. `contacts_key` is the path
    of the key of contacts, empty where there is none; `tells_customers` where there is a messages file. `pages_url` and
    `directions` as in CustomersTold.

    Serve goes on starting gateways as the service's process has told it, which may be of a version from before: what
    that does not tell has a default.
    """

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self,
        journals: str,
        actor_host: str,
        store_actors: int,
        customer_actors: int,
        postcodes: str,
        hint_ms: int,
        hot_rate: int,
        began_store_actors: int | None = None,
        contacts_key: str = "",
        tells_customers: bool = False,
        products: str = "",
        pages_url: str = "",
        directions: Mapping[str, str] | None = None,
    ) -> None:
        keep_logs("gateway")
        placement = Placement(store_actors, customer_actors)
        began = placement if began_store_actors is None else placement._replace(store_actors=began_store_actors)
        table = read_postcodes_file(Path(postcodes) if postcodes else None)
        router = Router(RayActors(journals, actor_host), began, hint_ms / 1_000, writing_of(journals))
        clock = SystemClock()
        contacts = partial(open_book, journals, Path(contacts_key), clock.now_ms) if contacts_key else without_key
        path = Path(products) if products else None
        sold = ProductFile(path, read_products_file(path))
        told = CustomersTold(pages_url, directions or {}, tells_customers=tells_customers)
        await self._open(router, clock, table, hot_rate, placement, contacts, told=told, products=sold)
        publish_figures(self._figures, "gateway")
        serve_here(self)

    async def _open(
        self,
        router: Router,
        clock: Clock,
        postcodes: Postcodes,
        hot_rate: int = 0,
        placement: Placement | None = None,
        contacts: Callable[[], AddressBook] = without_key,
        *,
        told: CustomersTold = NOTHING_TOLD,
        products: ProductFile | None = None,
    ) -> None:
        self._router = router
        stores, units, known = StoreDirectory(router), HotUnits(router), Contacts(contacts)
        coordinator = Coordinator(router, clock, units=units)
        grants = Grants(router, units)
        hot, rates = HotCalls(router, units, grants), Rates()
        self._reconciler = Reconciler(router, coordinator, grants, hot)
        finder, handed_over = Finder(router, clock), HandedOver(known)
        new_orders = NewOrders(router, coordinator, finder, postcodes)
        self._mover = Mover(router, placement or router.routes.placement)
        self._feeds = Feeds(router, stores)
        self._watches = Watches(router, stores, hot)
        self._streams = {**self._feeds.streams, **self._watches.streams}
        unary = {
            **Reservations(router, stores, grants, hot, rates, new_orders, self._reconciler, handed_over).calls,
            **Orders(router, stores, coordinator, self._reconciler, finder, postcodes, handed_over).calls,
            **Stock(router, stores, clock, units, hot).calls,
            **Allotments(router, stores, units).calls,
            **Shortfalls(router, stores, hot, finder).calls,
            **Picking(router, stores, units, self._reconciler, products or ProductFile(None), finder).calls,
            **Admin(router, stores, clock, self._reconciler, grants).calls,
            **HotSkus(router).calls,
            **StoreMoves(router, stores, self._mover).calls,
            **Verification(router, stores).calls,
            **Readers(router, stores).calls,
            **Transfers(router, stores, units, hot).calls,
            **TransferVerification(router, clock).calls,
            **known.calls,
            **Pickups(router, stores, hot, coordinator, known, clock, told).calls,
            **Notices(router, is_on=told.tells_customers).calls,
            **Devices(router, stores).calls,
        }
        self._unary = {name: call._replace(is_read=name.startswith(READS)) for name, call in unary.items()}
        self._keeper = HotKeeper(router, units, hot, clock, rates, hot_rate)
        self._health, self._figures = Health(), Figures()
        watch(self._figures, router, self._reconciler)
        self._calls = Calls(router, self._figures)
        await router.start()
        self._reconciler.start()
        self._keeper.start()
        self._mover.start()
        self._notices = NoticeFeed(router, KeyRing(router, clock) if told.url else None)
        if told.tells_customers:
            self._notices.start()
        # What is here now stays: Ray, Serve and our modules. The collector need not walk it at every few hundred calls.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        log.info("the gateway serves %d shops", len(router.chain.stores))

    async def drain(self) -> None:
        """Say that this gateway is going, and end its streams, so that readers resume elsewhere. Another one brings the
        notifier what shops say.
        """
        self._health.drain()
        self._feeds.close()
        self._watches.close()
        self._notices.close()

    # grpc.health.v1.Health

    async def Check(self, request: hp.HealthCheckRequest, grpc_context: Any) -> hp.HealthCheckResponse:
        return self._health.check(request, grpc_context)

    async def Watch(self, request: hp.HealthCheckRequest, grpc_context: Any) -> AsyncIterator[hp.HealthCheckResponse]:
        del grpc_context
        async for message in self._health.watch(request):
            yield message

    async def List(self, request: Any, grpc_context: Any) -> Any:
        del request, grpc_context
        return self._health.list()


def _unary(method: MethodDescriptor) -> Any:
    name = method.name
    request_class, reply_class = GetMessageClass(method.input_type), GetMessageClass(method.output_type)

    async def answer(self: Gateway, request: bytes, grpc_context: Any) -> Any:
        return await self._calls.answer(self._unary[name], request_class, request, grpc_context, reply_class())

    return answer


def _stream(method: MethodDescriptor) -> Any:
    request_class = GetMessageClass(method.input_type)

    async def stream(self: Gateway, request: bytes, grpc_context: Any) -> AsyncIterator[Any]:
        messages = self._streams[method.name]
        async for message in read_stream(messages, request_class, request, grpc_context):
            yield message

    return stream


for _method in (method for service in SERVICES for method in service.methods):
    setattr(Gateway, _method.name, _stream(_method) if _method.server_streaming else _unary(_method))
