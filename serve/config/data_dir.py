"""The data directory: one service has it at a time, and its placement stays what it was."""

import fcntl
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TextIO

import orjson

from actors.protocol.placement import HOT_ACTORS, PLACEMENT_VERSION
from serve.config.processes import end_processes
from serve.config.settings import JOURNAL_DIR, SettingsError

PLACEMENT_FILE: Final = "placement.json"
LOCK_FILE: Final = "lock"
RUN_DIR_FILE: Final = "run_dir"
RUN_DIR_PREFIX: Final = "hf-"


def hold_data_dir(data_dir: Path) -> TextIO:
    """Make the directory where there is none, and hold it for this service until the file is closed. Raises
    SettingsError where another one has it, or it cannot be made.
    """
    try:
        (data_dir / JOURNAL_DIR).mkdir(parents=True, exist_ok=True)
        held = (data_dir / LOCK_FILE).open("w", encoding="utf-8")
    except OSError as error:
        message = f"{data_dir} cannot be made or written: {error.strerror}; give another --data-dir"
        raise SettingsError(message) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise SettingsError(f"{data_dir} is served already; stop that service, or take another --data-dir") from error
    return held


def take_run_dir(data_dir: Path, run_dir: Path) -> None:
    """Note where this service writes beside its data, and end and remove what the one before left if it was killed.

    A copy of the directory has the note too, of a service that may be alive: the note says whose it is.
    """
    note = data_dir / RUN_DIR_FILE
    status = data_dir.stat()
    owner = f"{status.st_dev}:{status.st_ino}"
    if note.exists():
        last, _, noted = note.read_text(encoding="utf-8").partition("\n")
        if noted == owner and Path(last) != run_dir and Path(last).name.startswith(RUN_DIR_PREFIX):
            end_processes(Path(last))
            shutil.rmtree(last, ignore_errors=True)
    note.write_text(f"{run_dir}\n{owner}", encoding="utf-8")


def fix_placement(data_dir: Path, store_actors: int, customer_actors: int = 1, journals: Iterable[str] = ()) -> int:
    """Write the placement down at the first start; returns the number of shops' actors that it was. A later start may
    have another one, and its shops move. Raises SettingsError where a later start differs otherwise.

    A journal belongs to one actor, so customers would lose their ledgers under another number of actors. `journals` are
    the names of those that are there: a data directory that is new to them begins with their number.
    """
    path = data_dir / PLACEMENT_FILE
    placement = {"version": PLACEMENT_VERSION, "store_actors": store_actors, "customer_actors": customer_actors}
    placement["hot_actors"] = HOT_ACTORS
    if not path.exists():
        began = _began_with(journals, path, store_actors)
        path.write_bytes(orjson.dumps(placement | {"store_actors": began}))
        return began
    try:
        read: dict[str, int] = orjson.loads(path.read_bytes())
        written = {"customer_actors": 1, "hot_actors": HOT_ACTORS, **read}  # earlier ones had one
        began = int(written["store_actors"])
    except (ValueError, LookupError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error}; write {orjson.dumps(placement).decode()} into it"
        ) from error
    if written != placement | {"store_actors": began}:
        raise SettingsError(
            f"{data_dir} was made with customer_actors={written.get('customer_actors')} (placement version "
            f"{written.get('version')}), now customer_actors={customer_actors} is asked for; start with the number "
            "that it was made with, or with another data directory"
        )
    return began


def _began_with(journals: Iterable[str], path: Path, store_actors: int) -> int:
    """How many actors the shops of these journals began with; a new service's number where there are none."""
    shops = [name for name in journals if name.startswith(("store-", "stores-"))]
    numbers = {int(name.rpartition("-of-")[2]) if name.startswith("stores-") else 0 for name in shops}
    if len(numbers) > 1:
        raise SettingsError(
            f"{path} is missing, and the journals are of services with {sorted(numbers)} actors for their shops (0 is "
            "one each); put that file back: it says which of these numbers was the first"
        )
    return numbers.pop() if numbers else store_actors
