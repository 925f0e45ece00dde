"""Whether the journals are those that the data directory began with: a start must not serve an empty chain, or another
service's, because an address or a disk has changed.
"""

import json
from pathlib import Path
from typing import Final

from actors.journal.archive import put_file
from actors.journal.open import is_server, journal_names, place_of, put_stamp, stamp_of, with_stamp
from actors.journal.port import JournalError
from actors.journal.stamp import UNFINISHED, Stamp, file_stamp
from serve.config.settings import JOURNAL_DIR, SettingsError

NOTE_FILE: Final = "journal.json"


def fix_journal(data_dir: Path, setting: str, *, init: bool) -> str:
    """Note at the first start which journals there are, and give them a stamp; the setting to open them by. Raises
    SettingsError where a later start finds others, or none, unless it may begin with them; and where they cannot be
    used.
    """
    try:
        found, noted = stamp_of(setting), _noted(data_dir, init=init)
        if found is not None and found.id == UNFINISHED:
            raise SettingsError(f"{place_of(setting)} is a copy that was not finished; empty it, and copy again")
        if found is None:
            found = _begun(data_dir, setting, noted, init=init)
        elif not _is_known(found, noted, setting) and not init:
            raise SettingsError(
                f"{place_of(setting)} has the journals {found.id}, and {data_dir} "
                + (f"began with others, {noted}" if noted else "has begun with none: they may be another service's")
                + ". Give the right --journal or --data-dir; or --init, once, to go on with what is there"
            )
        note = json.dumps({"id": found.id, "place": place_of(setting)}).encode()
        if not (data_dir / NOTE_FILE).exists() or (data_dir / NOTE_FILE).read_bytes() != note:
            put_file(data_dir, NOTE_FILE, note)
    except (JournalError, OSError, ValueError) as error:
        raise SettingsError(f"the journals cannot be used: {error}") from error
    return with_stamp(setting, found.id)


def _is_known(found: Stamp, noted: str, setting: str) -> bool:
    """Files of the data directory need no note: whoever restores them may have left it out. A copy knows its origin."""
    return noted in (found.id, *found.was) or (not noted and not is_server(setting))


def _begun(data_dir: Path, setting: str, noted: str, *, init: bool) -> Stamp:
    """The stamp of journals that have none: new ones, or files that an earlier version wrote."""
    has_files = not is_server(setting) and bool(journal_names(setting))
    if noted and not has_files and not init:
        raise SettingsError(
            f"{place_of(setting)} is empty, and {data_dir} began with the journals {noted}. Give the right --journal, "
            "or move them there by `holdfast journal copy`; or --init, once, to begin with nothing"
        )
    stamp = Stamp.new()
    put_stamp(setting, stamp)
    return stamp


def _noted(data_dir: Path, *, init: bool) -> str:
    """The id that the data directory began with, empty for none. An earlier version noted nothing: then its files say
    so.
    """
    note, folder = data_dir / NOTE_FILE, data_dir / JOURNAL_DIR
    if note.exists():
        try:
            return str(json.loads(note.read_bytes())["id"])
        except (ValueError, LookupError, TypeError) as error:
            if not init:
                raise SettingsError(f"{note} cannot be read: {error}; put it back, or give --init once") from error
    if stamp := file_stamp(folder):
        return stamp.id
    return f"in {folder}" if any(folder.glob("*.db")) else ""
