"""What was ever written to a journal is read for ever.

`golden/` has examples of every event, and small journals with the ledger that they make. Files are added when an event
gets a field, or there is a new one. They are never edited: a test that fails here says that journals in the field can
no longer be read.

To add one, no script is needed:

1. An event: write `golden/<owner>.<tag>.<n>.json` as `{"owner": "<owner>", "tag": "<tag>", "examples": [{"payload":
   "<a payload>", "fields": {}}]}`, the payload by `encode([...])` at a prompt. A journal: write
   `golden/journal.<n>.json` with the ledger's records, `"snapshot_format": <FORMAT>` and `"rows": []`.
2. Run these tests. They fail and print what the file decodes to. Read that, event by event; if it is what was meant,
   paste it in.
3. Run them again. They fail and print the file's line for `golden/SHA256SUMS`. Add it.
"""

import hashlib
from datetime import date
from enum import Enum
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import orjson
import pytest

from actors.core.chain import ChainEvent
from actors.core.ids import is_customers
from actors.journal.codec import Reader, chained, encode
from actors.journal.port import Record
from actors.notices import events as notice_events
from actors.orders import events as order_events, snapshot as order_snapshot
from actors.runtime.kinds import CUSTOMERS, SHOP
from actors.shop import events, snapshot
from actors.shop.audit.journal import Audit
from tests.cores import core_of
from tests.journal.storages import Storage, records_of

GOLDEN: Final = Path(__file__).parent / "golden"
SUMS: Final = GOLDEN / "SHA256SUMS"
EVENT_FILES: Final = sorted(path.name for path in GOLDEN.glob("*.json") if not path.name.startswith("journal."))
JOURNAL_FILES: Final = sorted(path.name for path in GOLDEN.glob("journal.*.json"))
FORMATS: Final = {SHOP: snapshot.FORMAT, CUSTOMERS: order_snapshot.FORMAT}

# By owner, as two kinds of ledger may have an event of one name: how its events are read, and all their kinds.
OWNERS: Final[dict[str, tuple[Any, Any]]] = {
    "shop": (SHOP.read_events, events.Event),
    "orders": (CUSTOMERS.read_events, order_events.Event),
    "chain": (Reader[ChainEvent](ChainEvent), ChainEvent),
    "notices": (Reader[notice_events.Event](notice_events.Event), notice_events.Event),
}


def kinds(owner: str) -> set[str]:
    """The tags of an owner's events."""
    return {kind.__struct_config__.tag for kind in get_args(OWNERS[owner][1])}


def read(golden: dict[str, Any], payload: str) -> list[Any]:
    """The events of a golden payload."""
    return list(OWNERS[golden["owner"]][0](payload.encode()))


def loaded(name: str) -> Any:
    """A golden file."""
    return orjson.loads((GOLDEN / name).read_bytes())


def shown(value: Any) -> Any:
    """A decoded value for a reader: enums by name, messages with their fields' names."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, msgspec.Struct):
        return {name: shown(field) for name, field in msgspec.structs.asdict(value).items()}
    if isinstance(value, frozenset):
        return sorted(map(shown, value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | list):
        return [shown(element) for element in value]
    return value


def known_to(expected: Any, value: Any) -> Any:
    """The value without the fields that it has got since the golden file was written."""
    if isinstance(expected, dict) and isinstance(value, dict):
        return {name: known_to(expected[name], value[name]) for name in value if name in expected}
    if isinstance(expected, list) and isinstance(value, list) and len(expected) == len(value):
        return [known_to(*pair) for pair in zip(expected, value, strict=True)]
    return value


def pasteable(value: Any) -> str:
    """As it stands in a golden file."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def records(golden: dict[str, Any]) -> list[Record]:
    """The records of a golden journal."""
    return [
        Record(golden["ledger_id"], row["epoch"], row["seq"], row["event_count"], row["at_ms"], row["payload"].encode())
        for row in golden["records"]
    ]


def replayed(golden: dict[str, Any]) -> Any:
    """The ledger that a golden journal makes."""
    core = core_of(golden["ledger_id"])
    ledger = core.empty(golden["ledger_id"])
    for record in records(golden):
        for event in core.read_events(record.payload):
            core.evolve(ledger, event, record.at_ms)
        assert ledger.version == record.seq
    return ledger


def rows(ledger: Any) -> Any:
    """A ledger's snapshot as it is written."""
    captured = core_of(ledger.ledger_id).capture(ledger)
    return orjson.loads(encode(list(captured.rows())))


@pytest.mark.parametrize("owner", OWNERS)
def test_every_event_has_a_golden_file(owner: str) -> None:
    goldens = [golden for golden in map(loaded, EVENT_FILES) if golden["owner"] == owner]
    assert {golden["tag"] for golden in goldens} >= kinds(owner)


@pytest.mark.parametrize("name", EVENT_FILES)
def test_a_golden_event_is_read_as_it_always_was(name: str) -> None:
    golden = loaded(name)
    assert name.startswith(f"{golden['owner']}.{golden['tag']}.")
    assert golden["examples"]
    for example in golden["examples"]:
        (event,) = read(golden, example["payload"])
        found = shown(event)
        assert example["fields"], f"{name}: read this, and paste it as `fields` if it is right:\n{pasteable(found)}"
        assert known_to(example["fields"], found) == example["fields"]


@pytest.mark.parametrize("name", EVENT_FILES)
def test_a_golden_event_is_written_as_it_was_but_for_fields_that_were_added(name: str) -> None:
    golden = loaded(name)
    for example in golden["examples"]:
        written = orjson.loads(encode(read(golden, example["payload"])))
        assert begins_with(written, orjson.loads(example["payload"]))


def begins_with(written: Any, golden: Any) -> bool:
    """Whether all that is in the golden value is in its place, with more at the ends alone."""
    if isinstance(golden, list) and isinstance(written, list):
        pairs = zip_longest(written, golden, fillvalue=...)
        return len(written) >= len(golden) and all(its is ... or begins_with(mine, its) for mine, its in pairs)
    return bool(written == golden)


def test_what_is_in_another_place_is_seen() -> None:
    assert begins_with([["reserved", ["a", 1, "new"], 2, 0]], [["reserved", ["a", 1], 2]])
    others = (["reserved", ["a", 2], 2], ["reserved", ["a"], 2], ["reserved", ["a", 1]], ["other", ["a", 1], 2])
    assert not any(begins_with([other], [["reserved", ["a", 1], 2]]) for other in others)


@pytest.mark.parametrize("name", JOURNAL_FILES)
def test_a_golden_journal_makes_the_ledger_that_it_always_made(name: str) -> None:
    golden = loaded(name)
    found = rows(replayed(golden))
    assert golden["rows"], f"{name}: read this, and paste it as `rows` if it is right:\n{pasteable(found)}"
    core = core_of(golden["ledger_id"])
    restored = core.restore(core.read_rows(orjson.dumps(golden["rows"])))
    assert core.capture(restored).state_hash() == core.capture(replayed(golden)).state_hash(), rows(restored)
    if golden["snapshot_format"] == FORMATS[core]:
        assert begins_with(found, golden["rows"])


@pytest.mark.parametrize("name", JOURNAL_FILES)
def test_a_golden_journal_is_whole_and_keeps_the_laws(name: str) -> None:
    golden = loaded(name)
    checksum = 0
    for row, record in zip(golden["records"], records(golden), strict=True):
        checksum = chained(checksum, *record)
        assert checksum == row["checksum"], f"seq {record.seq}"
    ledger = replayed(golden)
    assert not core_of(golden["ledger_id"]).check(ledger)
    if is_customers(golden["ledger_id"]):
        return  # nothing but the invariants audits it
    audit = Audit(golden["ledger_id"])
    for record in records(golden):
        for version, event in enumerate(SHOP.read_events(record.payload), start=record.seq - record.event_count + 1):
            audit.add(version, record.epoch, record.at_ms, event)
    assert audit.result().violations == ()
    assert audit.result().version == ledger.version


@pytest.mark.parametrize("name", JOURNAL_FILES)
def test_a_golden_journal_is_kept_by_every_journal(name: str, storage: Storage) -> None:
    written = records(loaded(name))
    journal = storage.open()
    epoch = 0
    for record in written:
        while epoch < record.epoch:
            epoch = journal.take_over(record.ledger_id).epoch
        journal.append([record])

    assert records_of(storage.after_crash().open(), written[0].ledger_id) == written


@pytest.mark.parametrize("owner", ["shop", "orders"])
def test_the_golden_journals_have_every_kind_of_event(owner: str) -> None:
    mine = [each for each in map(loaded, JOURNAL_FILES) if is_customers(each["ledger_id"]) == (owner == "orders")]
    written = [event for golden in mine for record in records(golden) for event in orjson.loads(record.payload)]
    assert {event[0] for event in written} == kinds(owner)


def test_golden_files_are_added_and_never_edited() -> None:
    listed = {name: digest for digest, name in (line.split("  ", 1) for line in SUMS.read_text().splitlines())}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(GOLDEN.glob("*.json"))}

    new = "\n".join(f"{found[name]}  {name}" for name in sorted(found.keys() - listed))
    assert not new, f"add to {SUMS.name}, never replacing a line:\n{new}"
    assert found == listed, "a golden file was edited or removed; put it back, and add a new one beside it"
