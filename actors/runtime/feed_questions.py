"""What an actor answers to feeds, and to who verifies: how far its ledgers are, their records, and what readers saw."""

from contextlib import suppress
from typing import Final

from actors.core.chain import Chain
from actors.journal.port import Base, Journal, JournalDamaged, Record
from actors.protocol.messages import UNHEARD, LedgerAway, LedgerElsewhere
from actors.rpc.methods import rpc
from actors.runtime.followers import Followers
from actors.runtime.hosted import within_bytes
from actors.runtime.ledger_host import LedgerHost

FEED_EVENTS_MAX: Final = 1_000
FEED_BYTES_MAX: Final = 4 * 1024 * 1024  # by answer; a record that is larger goes alone


class FeedQuestions:
    """The part of a LedgerActor that reads its journal for others. Queries raise JournalError."""

    host: LedgerHost
    chain: Chain
    _journal: Journal
    _followers: Followers

    @rpc
    def moved(self, known: dict[str, int], wait_s: float) -> dict[str, int]:
        """The versions of the ledgers that are not at the known ones, -1 for one that is stopped, 0 for one that is
        gone: as soon as there are any, or after `wait_s`. A hint: what is behind a version may not be durable yet.
        Raises LedgerElsewhere where a known one is with another actor.
        """

        def look() -> dict[str, int]:
            host = self.host
            for each in known:
                host.refuse_elsewhere(each)
            heads = dict.fromkeys(known, 0)
            for each in host.begun_ids():
                is_known = known.get(each, UNHEARD) != UNHEARD
                is_waiting = is_known and host.is_waiting(each)  # nobody has asked for it since the start
                with suppress(LedgerElsewhere):  # it leaves just now
                    heads[each] = known[each] if is_waiting else host.head_of(each)
            return {ledger_id: version for ledger_id, version in heads.items() if known.get(ledger_id) != version}

        return self._followers.wait_for(look, wait_s)

    @rpc
    def records(self, ledger_id: str, after: int, events_max: int) -> list[Record]:
        """Durable records after a version, of any epoch. Raises JournalError, LedgerElsewhere."""
        self.host.refuse_elsewhere(ledger_id)
        return self._journal.read(ledger_id, after, events_max)

    @rpc
    def base(self, ledger_id: str) -> Base | None:
        """See `Journal.base`. Raises JournalError, LedgerElsewhere."""
        self.host.refuse_elsewhere(ledger_id)
        return self._journal.base(ledger_id)

    @rpc
    def snapshot_chunk(self, ledger_id: str, seq: int, place: int) -> bytes | None:
        """See `Journal.snapshot_chunk`. Raises JournalError."""
        return self._journal.snapshot_chunk(ledger_id, seq, place)

    @rpc
    def feed(
        self, cursors: list[tuple[str, int, int]], skip_stopped: bool, bytes_max: int = FEED_BYTES_MAX
    ) -> list[tuple[str, list[Record]]]:
        """Durable records after each (ledger, version, hash of its record, 0 where that is not known); those with
        nothing new are left out. One that was restored from an older copy has none: it has not come so far, or has
        another record there.

        At least one record where there is any; what comes after the one that reaches `bytes_max` is left to the next
        call.
        A stopped ledger raises JournalDamaged, or is skipped with `skip_stopped`; so does one whose records there
        cannot be read, as a sealed file is gone.
        """
        found: list[tuple[str, list[Record]]] = []
        left = bytes_max
        for ledger_id, after, known_hash in cursors:
            if skip_stopped and self.host.is_stopped(ledger_id):
                continue
            try:
                version = self.host.version_of(ledger_id)
            except LedgerElsewhere:
                raise
            except LedgerAway:  # the others are read, and it is told of later
                continue
            if version < after:
                found.append((ledger_id, []))
            elif version > after:
                try:
                    read = self._records_after(ledger_id, after, known_hash)
                except JournalDamaged:
                    if not skip_stopped:
                        raise
                    continue
                records = within_bytes(read, left)
                found.append((ledger_id, records))
                left -= sum(len(record.payload) for record in records)
                if left <= 0:
                    break
        return found

    def _records_after(self, ledger_id: str, after: int, known_hash: int) -> list[Record]:
        """Durable records after a version, none where the record there is not the one with this hash."""
        if after and known_hash:
            with suppress(JournalDamaged):  # perhaps of that record alone: it may be in an archive that is away
                read = self.records(ledger_id, after - 1, FEED_EVENTS_MAX)
                if read and read[0].hash != known_hash:
                    return []
                if found := [record for record in read if record.seq > after]:
                    return found
        return self.records(ledger_id, after, FEED_EVENTS_MAX)

    @rpc
    def acknowledge(self, reader: str, named: int, seen: dict[str, int]) -> tuple[int, dict[str, int]]:
        """Note up to where a reader, by its name's number, has seen ledgers, but for those that are stopped. Returns of
        how many, and the versions of those that are not so far: then nothing is noted. Raises JournalError, and
        LedgerElsewhere.
        """
        for ledger_id in seen:
            self.host.refuse_elsewhere(ledger_id)
        heads = self.moved({}, 0.0)
        known = {ledger_id: version for ledger_id, version in seen.items() if heads.get(ledger_id, 0) >= 0}
        beyond = {each: heads.get(each, 0) for each, version in known.items() if version > heads.get(each, 0)}
        if known and not beyond:
            self.host.upkeep.note_reader(reader, named, known)
        return len(known), beyond

    @rpc
    def readers(self) -> dict[str, tuple[int, dict[tuple[str, int], int], list[str]]]:
        """By ledger its version, -1 where it is stopped, up to where named readers have seen it, and those for which
        more of its sealed files is kept than the setting says. Raises JournalDamaged.
        """
        seen, kept_for = self._journal.readers(), self.host.upkeep.kept_for
        named = {(name, reader.named) for name, reader in self.chain.readers.items()}  # others were dropped since
        heads = self.moved({}, 0.0)
        keeps = {each: [row[0] for row in rows.items() if row in named] for each, rows in list(kept_for.items())}
        return {each: (version, seen.get(each, {}), keeps.get(each, [])) for each, version in heads.items()}
