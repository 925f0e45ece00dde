"""`holdfast journal copy FROM TO`: journals and contacts of a stopped service, to another place or kind, or to keep."""

import argparse
import fcntl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from actors.contacts.cipher import ContactsError
from actors.contacts.copy import copy_contacts, refuse_contacts
from actors.journal.archive import put_file
from actors.journal.copy import CopyRefused, copy_journals
from actors.journal.open import is_server, place_of, users_of
from actors.journal.port import JournalError
from actors.runtime.clock import SystemClock
from serve.config.data_dir import LOCK_FILE, PLACEMENT_FILE
from serve.config.settings import JOURNAL_DIR

FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 where the copy was proved, 1 where there is none, with why on stderr; 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="holdfast journal", description=__doc__)
    copy = parser.add_subparsers(required=True).add_parser(
        "copy", help="Copy all journals and contacts of a stopped service."
    )
    for name in ("FROM", "TO"):
        copy.add_argument(name, help="A data directory, or redis://HOST:PORT/DB.")
    given = parser.parse_args(arguments)
    source, target = vars(given)["FROM"], vars(given)["TO"]
    try:
        with unused(source):
            old, new = setting_of(source), setting_of(target, is_new=True)
            refuse_contacts(new)
            now_s = SystemClock().now_ms() // 1_000
            copy_journals(old, new, _say, beside=partial(copy_contacts, old, new, now_s, _say))
            _copy_placement(source, target)
    except (CopyRefused, JournalError, ContactsError, OSError, ValueError) as error:
        sys.stderr.write(f"holdfast: not copied: {error}\n")
        return FAILED
    sys.stdout.write(f"copied and read back: {place_of(setting_of(target))}\n")
    return 0


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def setting_of(given: str, *, is_new: bool = False) -> str:
    """A setting as it is; that of the files in a data directory, whose folders are made for a new one."""
    if is_server(given):
        return given
    folder = Path(given).resolve() / JOURNAL_DIR
    if is_new:
        folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:{folder}"


@contextmanager
def unused(source: str) -> Iterator[None]:
    """Keep a data directory from being served meanwhile. Raises CopyRefused where it, or a server's journal, is."""
    if is_server(source):
        if users := users_of(source):
            raise CopyRefused(f"{place_of(source)} is used by {', '.join(users)}; stop that service")
        yield
        return
    lock = Path(source).resolve() / LOCK_FILE
    if not lock.exists():
        yield
        return
    with lock.open("r+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CopyRefused(f"{source} is served; stop that service") from error
        yield


def _copy_placement(source: str, target: str) -> None:
    """How ledgers are laid over actors belongs to the journals, and stands in the data directory."""
    placement = Path(source) / PLACEMENT_FILE
    if not is_server(source) and not is_server(target) and placement.exists():
        put_file(Path(target).resolve(), PLACEMENT_FILE, placement.read_bytes())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
