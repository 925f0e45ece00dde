"""Yesterday's journals: what was ever written is read for ever.

`golden/` holds examples of every event by version, and small journals with the ledger that they make. Files are added
when an event gets a new version or a snapshot a new format. They are never edited: a test that fails here says that
journals in the field can no longer be read.

To add one, no script is needed:

1. A new event version: write `golden/<name>.<version>.json` as `{"tag": "<name>/<version>", "examples": [{"payload":
   "<a payload>", "fields": {}}]}`, the payload by `encode_events([...])` at a prompt. A new journal: write
   `golden/journal.<n>.json` with the ledger's records, `"snapshot_format": <FORMAT>` and `"rows": []`.
2. Run these tests. They fail and print what the file decodes to. Read that, event by event; if it is what was meant,
   paste it in.
3. Run them again. They fail and print the file's line for `golden/SHA256SUMS`. Add it.
"""

import hashlib
from enum import Enum
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from actors.journal import codec, order_codec
from actors.journal.codec import chained
from actors.journal.port import Record
from actors.orders import snapshot as order_snapshot
from actors.orders.ids import is_customers
from actors.runtime.cores import CUSTOMERS, SHOP, Core
from actors.shop import snapshot
from actors.shop.audit import Audit
from tests.cores import core_of
from tests.journal.storages import Storage, records_of

GOLDEN: Final = Path(__file__).parent / "golden"
SUMS: Final = GOLDEN / "SHA256SUMS"
EVENT_FILES: Final = sorted(path.name for path in GOLDEN.glob("*.json") if not path.name.startswith("journal."))
JOURNAL_FILES: Final = sorted(path.name for path in GOLDEN.glob("journal.*.json"))
TAGS: Final[dict[type, str]] = {**codec.TAGS, **order_codec.TAGS}
FORMATS: Final = {SHOP: snapshot.FORMAT, CUSTOMERS: order_snapshot.FORMAT}


def core_of_event(name: str) -> Core:
    """The kind of ledger whose event a golden file shows."""
    return CUSTOMERS if name.startswith("order_") else SHOP


def loaded(name: str) -> Any:
    """A golden file."""
    return orjson.loads((GOLDEN / name).read_bytes())


def shown(value: Any) -> Any:
    """A decoded value for a reader: enums by name, named tuples with their fields' names."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: shown(field) for name, field in value._asdict().items()}
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
        for event in core.decode_events(record.payload):
            core.evolve(ledger, event, record.at_ms)
        assert ledger.version == record.seq
    return ledger


def rows(ledger: Any) -> Any:
    """A ledger's snapshot as it is written."""
    captured = core_of(ledger.ledger_id).capture(ledger)
    return orjson.loads(orjson.dumps(list(captured.rows()), default=tuple))


def test_every_event_has_a_golden_file_at_the_version_it_is_written_in() -> None:
    assert {loaded(name)["tag"] for name in EVENT_FILES} >= set(TAGS.values())


@pytest.mark.parametrize("name", EVENT_FILES)
def test_a_golden_event_is_read_as_it_always_was(name: str) -> None:
    golden = loaded(name)
    assert name == golden["tag"].replace("/", ".") + ".json"
    assert golden["examples"]
    for example in golden["examples"]:
        (event,) = core_of_event(name).decode_events(example["payload"].encode())
        found = shown(event)
        assert example["fields"], f"{name}: read this, and paste it as `fields` if it is right:\n{pasteable(found)}"
        assert known_to(example["fields"], found) == example["fields"]


@pytest.mark.parametrize("name", EVENT_FILES)
def test_a_golden_event_is_written_as_it_was_while_its_version_is_current(name: str) -> None:
    golden = loaded(name)
    for example in golden["examples"]:
        core = core_of_event(name)
        events = core.decode_events(example["payload"].encode())
        if TAGS[type(events[0])] == golden["tag"]:
            assert core.encode_events(events).decode() == example["payload"]


@pytest.mark.parametrize("name", JOURNAL_FILES)
def test_a_golden_journal_makes_the_ledger_that_it_always_made(name: str) -> None:
    golden = loaded(name)
    found = rows(replayed(golden))
    assert golden["rows"], f"{name}: read this, and paste it as `rows` if it is right:\n{pasteable(found)}"
    core = core_of(golden["ledger_id"])
    if core is CUSTOMERS and golden["snapshot_format"] == 1:
        with pytest.raises(ValueError, match="this version reads format 2 of customers"):
            core.restore(golden["rows"])  # a recovery passes it over, and reads the records
        return
    assert rows(core.restore(loaded(name)["rows"])) == found
    if golden["snapshot_format"] == FORMATS[core]:
        assert found == golden["rows"]


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
    audit = Audit()
    for record in records(golden):
        for version, event in enumerate(codec.decode_events(record.payload), start=record.seq - record.event_count + 1):
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


def test_the_golden_journals_have_every_kind_of_event() -> None:
    written = [record for name in JOURNAL_FILES for record in records(loaded(name))]
    kinds = {type(event) for record in written for event in core_of(record.ledger_id).decode_events(record.payload)}
    assert kinds == set(TAGS)


def test_golden_files_are_added_and_never_edited() -> None:
    listed = {name: digest for digest, name in (line.split("  ", 1) for line in SUMS.read_text().splitlines())}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(GOLDEN.glob("*.json"))}

    new = "\n".join(f"{found[name]}  {name}" for name in sorted(found.keys() - listed))
    assert not new, f"add to {SUMS.name}, never replacing a line:\n{new}"
    assert found == listed, "a golden file was edited or removed; put it back, and add a new one beside it"
