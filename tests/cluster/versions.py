"""A service whose code is exchanged: by a stop and a start, or under its processes, one after another."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Awaitable, Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from holdfast.client import (
    CUSTOMERS_LEDGERS,
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    HolderKind,
    HoldsCounted,
    Order,
    Place,
    Rejection,
    ReleaseReason,
    Reservation,
    SourcingPolicy,
    Transfer,
)
from tests.cluster.callers import verified
from tests.cluster.nodes import ClusterService
from tests.cluster.service import ROOT, Service

SINCE: Final = os.environ.get("HOLDFAST_SINCE", "42b5ce8")  # whose journals and line the first format is
HERE: Final = Place(52.5, 13.0)  # at S1, the end of the street
UNITS: Final = 40
STORES: Final = ("S1", "S2", "S3")
HOUR_MS: Final = 3_600_000


PACKAGES: Final = ("actors", "serve", "proto")
# Into the package that every process imports: which version it runs.
MARK: Final = """

import os
import pathlib

pathlib.Path({folder!r}, str(os.getpid())).write_text({name!r})
"""


def tree_of(commit: str, folder: Path) -> Path:
    """The product as it was at a commit; "" for the working tree. Raises LookupError where its history is not here."""
    if not commit:
        for package in PACKAGES:
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        return folder
    command = ["git", "-C", str(ROOT), "archive", commit, *PACKAGES]
    try:
        found = subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise LookupError(f"the history of {commit} is not here: {error}") from error
    folder.mkdir()
    with tarfile.open(fileobj=BytesIO(found.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return folder


class VersionedService(Service):
    """A service of the tree that `use` has named last; a process that starts takes what is named then."""

    def __init__(self, folder: Path, tree: Path) -> None:
        super().__init__(folder)
        self._link, self._marks = folder / "installed", folder / "marks"
        self._marks.mkdir()
        self.use(tree)

    def use(self, tree: Path) -> None:
        """Install a version in the place of the one before; its processes say so once they run."""
        package = tree / "actors" / "__init__.py"
        mark = MARK.format(folder=str(self._marks), name=tree.name)
        package.write_text(package.read_text().partition(MARK[:12])[0] + mark)
        new = self.folder / "installed.new"
        new.symlink_to(tree)
        new.replace(self._link)

    def versions(self, title: str) -> set[str]:
        """The names of the trees that processes run which are called so; of those that have said it."""
        marks = [self._marks / str(process.pid) for process in self.processes(title)]
        return {mark.read_text() for mark in marks if mark.exists()}

    def environment(self) -> dict[str, str]:
        paths = [str(self._link), str(self._link / "proto")]
        return {**super().environment(), "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}


class VersionedCluster(VersionedService, ClusterService):
    """A service over several nodes: a node, and the service's own process, stay with what `use` had named before they
    were started.
    """

    def environment(self) -> dict[str, str]:
        paths = os.pathsep.join(str(self._link.resolve() / each) for each in ("", "proto"))
        return {**super().environment(), "PYTHONPATH": paths}


class Book:
    """What was asked under each key, and what was answered."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[str, Sequence[Any], dict[str, Any]]] = {}
        self._answers: dict[str, Any] = {}

    async def ask(self, client: ChannelClient, key: str, method: str, *arguments: Any, **named: Any) -> Any:
        """Ask, and note it."""
        self._asked[key] = method, arguments, named
        return await self._again(client, key)

    async def ask_again(self, client: ChannelClient) -> int:
        """Every key is answered as it was at first. Returns how many."""
        for key in self._asked:
            await self._again(client, key)
        return len(self._asked)

    async def _again(self, client: ChannelClient, key: str) -> Any:
        method, arguments, named = self._asked[key]
        call: Callable[..., Awaitable[Any]] = getattr(client, method)
        answer = await call(*arguments, **named, idempotency_key=key)
        assert self._answers.setdefault(key, answer) == answer, f"another answer to {key}"
        return answer


async def trade(client: ChannelClient, book: Book, turn: str) -> None:
    """Business of every kind, under keys of this turn."""

    async def ask(key: str, method: str, *arguments: Any, **named: Any) -> Any:
        return await book.ask(client, f"{turn} {key}", method, *arguments, **named)

    async def hold(key: str, store_id: str, sku: str, units: int, **more: Any) -> Any:
        who = {"customer_id": f"{turn} {key}", "channel": "web"} | more
        return await ask(key, "reserve", store_id, [(sku, units)], **who)

    sku, scarce = f"lamp {turn}", f"scarce {turn}"
    for store_id in STORES:
        rows = [
            Adjustment(sku=each, delta=units, sequence=place, kind=AdjustmentKind.RECEIPT)
            for place, (each, units) in enumerate(((sku, UNITS), (scarce, 1), (f"only {store_id} {turn}", 5)), 1)
        ]
        await ask(f"receipt {store_id}", "adjust_stock", store_id, turn, rows)
    held = [await hold(f"hold {number}", STORES[number % 3], sku, 1) for number in range(9)]
    assert all(isinstance(each, Reservation) for each in held), held
    ids = [each.reservation_id for each in held]
    await ask("confirm", "confirm", ids[0])
    await ask("confirm more", "confirm", ids[1])
    await ask("ready", "mark_ready", ids[1])
    await ask("collect", "collect", ids[1], payment_reference="p")
    await ask("release", "release", ids[2], reason=ReleaseReason.CUSTOMER_CANCELLED)
    await ask("extend", "extend", ids[3], ttl_ms=HOUR_MS)
    await ask("amend", "amend", ids[4], lines=[(sku, 2)])
    assert isinstance(await hold("last one", "S1", scarce, 1), Reservation)
    refused = await hold("too late", "S1", scarce, 1)
    assert isinstance(refused, Rejection)
    waits = await hold("waits", "S1", scarce, 1, wait_ms=HOUR_MS)
    assert waits.status.name == "QUEUED", waits
    rare = await hold("granted", "S2", sku, 1, channel="app")
    assert isinstance(rare, Reservation), rare
    near = {"place": HERE, "policy": SourcingPolicy.SPLIT, "channel": "web"}
    orders = [
        await ask(f"order {number}", "reserve_near", lines, customer_id=f"{turn} {number}", **near)
        for number, lines in enumerate([[(f"only S2 {turn}", 1), (f"only S3 {turn}", 1)]] * 3)
    ]
    assert all(isinstance(each, Order) and len(each.parts) == 2 for each in orders), orders
    await ask("confirm order", "confirm_order", orders[0].order_id)
    await ask("release order", "release_order", orders[1].order_id, reason=ReleaseReason.CUSTOMER_CANCELLED)
    moved = await ask("propose", "propose_transfer", "S1", "S2", [(sku, 3)], arrives_in_ms=HOUR_MS)
    assert isinstance(moved, Transfer), moved
    await ask("send", "send_transfer", moved.transfer_id)
    await ask("receive", "receive_transfer", "S2", moved.transfer_id)
    hot = f"hot-{turn.replace(' ', '-')}"
    row = Adjustment(sku=hot, delta=UNITS, sequence=1, kind=AdjustmentKind.RECEIPT)
    await ask("receipt hot", "adjust_stock", "S1", hot, [row])
    await client.promote_sku(hot)
    for number in range(3):
        assert isinstance(await hold(f"hot {number}", "S1", hot, 1), Reservation)
    await ask("quota hot", "allot_stock", "S1", "app", [(hot, 2)], kind=HolderKind.CHANNEL, ttl_ms=HOUR_MS)
    assert isinstance(await hold("hot and quota", "S1", hot, 1, channel="app"), Reservation)
    quota = {"kind": HolderKind.CHANNEL, "ttl_ms": HOUR_MS}
    await ask("quota", "allot_stock", "S3", "app", [(sku, 4)], **quota)
    await ask("safety", "set_safety_stock", "S3", [(sku, 1)])
    await ask("count", "count_stock", "S3", [(f"only S3 {turn}", 5)], holds=HoldsCounted.INCLUDED)


async def agreed(client: ChannelClient) -> None:
    """Ledgers agree with their journals, orders with shops, and transfers with both ends."""
    every = [await client.ledger_status(ledger_id) for ledger_id in CUSTOMERS_LEDGERS]
    begun = [one.store_id for one in every if one.version]
    await verified(client, *STORES, *begun)
    compared = await client.verify_orders()
    assert (compared.holds, compared.discrepancies, compared.left_out) == (True, (), ())
    transfers = await client.verify_transfers()
    assert (transfers.holds, transfers.discrepancies) == (True, ())
