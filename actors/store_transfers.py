"""What a shop's actor answers about what it has to do with other ledgers: transfers, and units of hot SKUs."""

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any, Final
from weakref import WeakValueDictionary

from actors.core.bloom import Bloom
from actors.core.ids import parse_transfer_id
from actors.core.status import TransferStatus
from actors.protocol.messages import Unseen
from actors.rpc.methods import rpc
from actors.runtime.actor_runtime import PAGE_PIECES_MAX, PIECE_SCAN_MAX, LedgerActor
from actors.runtime.read_back import ReadEvents, events_at, seen_at
from actors.shop.hot.keys import numbers_of
from actors.shop.hot.projections import totals_of
from actors.shop.hot.units import HotTotals
from actors.shop.state import Ledger
from actors.shop.transfers.transfer import Transfer, transfer_key

TRANSFERS_MAX: Final = 100  # transfers of one shop to an answer
FORGOTTEN_TIMES: Final = 4  # as many keys in a filter as are remembered: then a new one is begun
FEW_KEYS: Final = 1_024  # are not worth it

_FINAL: Final = frozenset({TransferStatus.RECEIVED, TransferStatus.CANCELLED})


class LearnedKeys:
    """What ledgers of hot SKUs have answered, by SKU and generation, once for all shops of an actor that have learned
    it: as long as one of them goes by it. One that has learned it before others finds a few keys more, of which it asks
    in vain.
    """

    def __init__(self) -> None:
        self._adding = Lock()
        self._known: WeakValueDictionary[tuple[str, int], Bloom] = WeakValueDictionary()

    def with_heads(self, sku: str, generation: int, heads: bytes) -> Bloom:
        """Add the heads of keys, of which most are known if another shop has learned them. Returns all of them. They
        begin anew once most are of keys that the SKU's ledger has forgotten.
        """
        numbers = numbers_of(heads)
        with self._adding:
            known = self._known.get((sku, generation))
            if known is None or known.count > FORGOTTEN_TIMES * max(len(numbers), FEW_KEYS):
                known = self._known[sku, generation] = Bloom()
            known.add(numbers)
            return known


class TransferQuestions(LedgerActor):
    """Questions about transfers and units of hot SKUs, of shops' ledgers."""

    def __init__(self, *args: Any, **named: Any) -> None:
        self.learned_keys = LearnedKeys()
        super().__init__(*args, **named)

    @rpc
    def hot_totals(self, store_id: str, skus: list[str]) -> list[HotTotals]:
        """Of each SKU what its ledger, while it is hot, was handed by this shop; see `HotTotals`."""
        with self.host.reading(store_id) as (hosted, _):
            return [totals_of(hosted.ledger, sku) for sku in skus]

    @rpc
    def learn_keys(self, store_id: str, sku: str, generation: int, page: int, heads: bytes) -> None:
        """Take in what the ledger of a hot SKU has answered; see `hot.keys`. Nobody is held up meanwhile."""
        known = self.learned_keys.with_heads(sku, generation, heads)
        with self.host.reading(store_id) as (hosted, _):
            hosted.ledger.hot.keys.learn(sku, generation, page, known)

    @rpc
    def settle_keys(self, store_id: str, key: str, skus: list[str], is_known: bool) -> None:
        """Take in whether a ledger of these hot SKUs has answered this key. If not, none of them ever will."""
        with self.host.reading(store_id) as (hosted, _):
            hosted.ledger.hot.keys.settle(key, skus, is_known=is_known)

    @rpc
    def settle_key(self, store_id: str, key: str, is_known: bool) -> None:
        """As a gateway of the version before says it, which has asked about one SKU: of none other is asked then."""
        with self.host.reading(store_id) as (hosted, _):
            hosted.ledger.hot.keys.settle(key, hosted.ledger.policy.hot_by_sku, is_known=is_known)

    @rpc
    def transfers_of(self, store_id: str, transfer_ids: list[str]) -> list[Transfer | Unseen | None]:
        """For each id the transfer as it is here, None where there is none, Unseen in an archive that is not there."""
        if not self.host.has_begun(store_id):
            return [None] * len(transfer_ids)
        here: dict[str, Transfer] = {}
        places: dict[str, list[int]] = {}
        with self.host.reading(store_id) as (hosted, _):
            for transfer_id in transfer_ids:
                _find(hosted.ledger, transfer_id, here, places)
        versions = sorted({version for found in places.values() for version in found})
        over = self._read_transfers(store_id, versions, seen_at)
        known = {each.transfer_id: each for each in over.values()} | here
        unseen = {name for name, found in places.items() if any(version not in over for version in found)}
        return [known.get(each, Unseen() if each in unseen else None) for each in transfer_ids]

    @rpc
    def transfers(
        self, store_id: str, statuses: list[int], after_number: int, page_size: int
    ) -> tuple[int, list[Transfer], int]:
        """The ledger's version, a page of the transfers from and to here by number, and the number to go on after, 0 at
        the end. Looked for a piece at a time, so that nobody is held up for long.
        """
        if not self.host.has_begun(store_id):
            return 0, [], 0
        wanted = frozenset(map(TransferStatus, statuses)) or frozenset(TransferStatus)
        page: dict[int, Transfer] = {}
        places: dict[int, int] = {}
        version = 0
        for _ in range(PAGE_PIECES_MAX):
            with self.host.reading(store_id) as (hosted, _now_ms):
                version = version or hosted.ledger.version
                left = page_size - len(page) - len(places)
                after_number = _add_piece(hosted.ledger, after_number, left, wanted, page, places)
            if not after_number or len(page) + len(places) >= page_size:
                break
        over = self._read_transfers(store_id, sorted(places.values()), events_at)
        page.update({number: over[place] for number, place in places.items()})
        return version, [page[number] for number in sorted(page)], after_number

    def _read_transfers(self, store_id: str, versions: list[int], read: ReadEvents) -> dict[int, Transfer]:
        """The transfers that events of these versions ended, by version."""
        found: dict[int, Transfer] = {}
        for version, (event, at_ms) in read(self.core, self._journal, store_id, versions).items():
            answer = self.core.answered_by(event, version, at_ms)[1].answer
            if isinstance(answer, Transfer):  # else another key has the same hash
                found[version] = answer
        return found


def _find(ledger: Ledger, transfer_id: str, here: dict[str, Transfer], places: dict[str, list[int]]) -> None:
    """Where the transfer is: in memory, or in events of these versions."""
    source, number = parse_transfer_id(transfer_id)
    if source != ledger.ledger_id:
        number = ledger.transfers.inbound.get(transfer_id, 0)
    live = ledger.transfers.live.get(number)
    if live is not None and live.transfer_id == transfer_id:
        here[transfer_id] = live
    elif source != ledger.ledger_id:
        places[transfer_id] = list(ledger.answers.versions(transfer_key(transfer_id)))
    elif ended := ledger.finished.transfer_of(number):
        places[transfer_id] = [ended[0]]


def _add_piece(
    ledger: Ledger,
    after_number: int,
    left: int,
    wanted: Iterable[TransferStatus],
    page: dict[int, Transfer],
    places: dict[int, int],
) -> int:
    """Add those of the next numbers that are wanted; the number to go on after, 0 at the end."""
    live, finished = ledger.transfers.live, ledger.finished
    wants_over = not _FINAL.isdisjoint(wanted)
    first = min([*live, ledger.version + 1, *(finished.least.values() if wants_over else ())])
    after_number = max(after_number, first - 1)
    last = min(after_number + PIECE_SCAN_MAX, ledger.version)
    numbers = range(after_number + 1, last + 1) if wants_over else sorted(each for each in live if each > after_number)
    for number in numbers:
        transfer = live.get(number)
        ended = finished.transfer_of(number) if transfer is None and wants_over else None
        if transfer is not None and transfer.status in wanted:
            page[number] = transfer
        elif ended is not None and ended[1] in wanted:
            places[number] = ended[0]
        else:
            continue
        left -= 1
        if not left:
            return number if number < ledger.version else 0
    return last if wants_over and last < ledger.version else 0


def outbox_in_turn(outbox: Iterable[int], live: Mapping[int, Transfer], now_ms: int) -> list[Transfer]:
    """Some of the transfers that other shops have to hear of: others at each time, so that none waits behind many that
    cannot be delivered.
    """
    numbers = list(outbox)
    first = now_ms // 1_000 * TRANSFERS_MAX % max(1, len(numbers))
    return [live[number] for number in (numbers[first:] + numbers[:first])[:TRANSFERS_MAX]]
