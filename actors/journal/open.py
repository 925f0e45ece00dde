"""Opens a journal from one setting. A further kind is a module with the contract of `port`, and a line in `_KINDS`.

A setting is a kind, a colon and a place: `sqlite:/srv/holdfast/journal`, or `sqlite:/srv/holdfast/journal?keep_mb=512`
for journals that seal old records where their files are larger. With `&sealed_mb=2000&away=/mnt/archive`, the oldest
sealed files are moved there where they take more.

`redis://HOST:PORT/DB` is a Redis or Valkey for all actors; with `?accept_loss=everysec`, one whose settings lose what
`redis_server.LOSSES` says; with `&replicas=1`, one whose writes a replica has before they are answered. `id` is the
stamp that it must have, and `format` what is written (`protocol.formats`), both of either kind.
"""

import logging
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit

from actors.journal.port import ClockMark, Journal, JournalDamaged, JournalFailed
from actors.journal.sqlite import SqliteJournal
from actors.journal.stamp import Stamp, file_stamp, put_file_stamp

_OPTIONS: Final = "?keep_mb="  # and what follows it
PORT: Final = 6379  # of a Redis, where none is given
FIRST_FORMAT: Final = 1

log = logging.getLogger("holdfast.journal")


class _Kind(NamedTuple):
    """How journals of a kind are opened, by place and name; and what they have together, by place."""

    open: Callable[[str, str], Journal]
    names: Callable[[str], list[str]]
    stamp: Callable[[str], Stamp | None]
    put_stamp: Callable[[str, Stamp], None]
    place: Callable[[str], str]
    users: Callable[[str], list[str]]


def sqlite_setting(folder: Path, keep_mb: int = 0, sealed_mb: int = 0, away: Path | None = None) -> str:
    """The setting for SQLite files in a folder; `keep_mb` 0 keeps every record in them, no `away` all files beside."""
    options = {"keep_mb": keep_mb, **({"sealed_mb": sealed_mb, "away": away} if away else {})}
    return f"sqlite:{folder}?{urlencode(options)}" if keep_mb else f"sqlite:{folder}"


def open_journal(setting: str, name: str) -> Journal:
    """Return the journal of the actor of that name, created if there is none. A damaged one becomes an
    UnreadableJournal: its actor serves no ledger, instead of ending and being restarted for ever. Raises JournalFailed,
    and ValueError for an unknown kind of journal.
    """
    kind, where = _parsed(setting)
    try:
        return kind.open(where, name)
    except JournalDamaged as damage:
        log.critical("%s", damage)
        return UnreadableJournal(damage)


def journal_names(setting: str) -> list[str]:
    """The names of the actors that have a journal there, sorted. Raises ValueError for an unknown kind of journal."""
    kind, where = _parsed(setting)
    return kind.names(where)


def stamp_of(setting: str) -> Stamp | None:
    """The stamp of all journals there, None where there is none. Raises JournalError, and ValueError."""
    kind, where = _parsed(setting)
    return kind.stamp(where)


def put_stamp(setting: str, stamp: Stamp) -> None:
    """Make a stamp durable in place of the one that is there. Raises JournalError, OSError and ValueError."""
    kind, where = _parsed(setting)
    kind.put_stamp(where, stamp)


def users_of(setting: str) -> list[str]:
    """The names of the actors whose journals are open now, where they are in a server. Raises as `stamp_of`."""
    kind, where = _parsed(setting)
    return kind.users(where)


def with_stamp(setting: str, stamp_id: str) -> str:
    """The setting of journals that must have this stamp: a server may be exchanged behind its address, and an actor may
    start on another node, which has not these files.
    """
    return _with(setting, id=stamp_id)


def with_format(setting: str, number: int) -> str:
    """The setting of journals of a service of this format. The first needs no word: versions from before know none."""
    return _with(setting, format=str(number)) if number > FIRST_FORMAT else setting


def format_of(setting: str) -> int:
    """The format of the service whose journals they are."""
    options = dict(parse_qsl(setting.partition("?")[2]))
    return int(options.get("format", FIRST_FORMAT))


def _with(setting: str, **option: str) -> str:
    if not is_server(setting) and _OPTIONS not in setting:
        setting = f"{setting}{_OPTIONS}0"
    return f"{setting}{'&' if '?' in setting else '?'}{urlencode(option)}"


def place_of(setting: str) -> str:
    """Where the journals are, for people: without options, and without a password. Raises ValueError."""
    kind, where = _parsed(setting)
    return kind.place(where)


def is_server(setting: str) -> bool:
    """Whether the journals are in a server, and not in files of this machine."""
    return setting.partition(":")[0] in _SERVERS


def server_of(setting: str) -> tuple[str, list[str], int]:
    """The URL of the server that has the journals, which losses are accepted, and how many replicas must have a write.
    Raises ValueError.
    """
    kind, _, where = setting.partition(":")
    url, _, accepted, replicas = _server_parts(kind, where)
    return url, accepted, replicas


def _parsed(setting: str) -> tuple[_Kind, str]:
    kind, colon, where = setting.partition(":")
    if not colon or not where or kind not in _KINDS:
        raise ValueError(f"journal {setting!r}: write KIND:PLACE with KIND one of {', '.join(sorted(_KINDS))}")
    return _KINDS[kind], where


def _folder(where: str) -> tuple[Path, dict[str, str]]:
    """A folder of SQLite files, and what was given for each."""
    folder, _, options = where.partition(_OPTIONS)
    return Path(folder), dict(parse_qsl(f"keep_mb={options}"))


def _open_sqlite(where: str, name: str) -> Journal:
    folder, given = _folder(where)
    stamp = file_stamp(folder)
    if "id" in given and (stamp is None or stamp.id != given["id"]):
        raise JournalFailed(f"{folder} has not the journals {given['id']}: files are on the machine that they began on")
    keep_bytes, sealed_bytes = (int(given.get(each, 0)) * 1_000_000 for each in ("keep_mb", "sealed_mb"))
    away = Path(given["away"]) if "away" in given else None
    return SqliteJournal(folder / f"{name}.db", keep_bytes=keep_bytes, sealed_bytes=sealed_bytes, away=away)


def _server_parts(kind: str, where: str) -> tuple[str, str, list[str], int]:
    """URL, stamp's id, accepted losses, and replicas. Raises ValueError."""
    base, _, options = where.partition("?")
    url = urlsplit(base)
    if not url.hostname or not url.path.removeprefix("/").isdecimal():
        raise ValueError(f"journals in a Redis are at {kind}://HOST:PORT/DB, with the number of a database")
    given = dict(parse_qsl(options))
    accepted, stamp_id = given.pop("accept_loss", ""), given.pop("id", "")
    replicas = int(given.pop("replicas", 0))
    given.pop("format", None)  # of what is written into it
    if given:
        raise ValueError(
            f"journals in a Redis: {', '.join(sorted(given))} is no option of theirs; see accept_loss and replicas"
        )
    return f"{kind}:{base}", stamp_id, [word for word in accepted.split(",") if word], replicas


def _redis(kind: str) -> _Kind:
    """Imported by name, as redis-py takes 0.2 s of CPU, and 15 MB, of processes that need none of it."""
    parsed = partial(_server_parts, kind)

    def place(where: str) -> str:
        url = urlsplit(parsed(where)[0])
        return f"{kind}://{url.hostname}:{url.port or PORT}{url.path}"

    def opened(where: str, name: str) -> Journal:
        url, *rest = parsed(where)
        journal: Journal = import_module("actors.journal.redis").RedisJournal(url, name, *rest)
        return journal

    def of_all(where: str) -> Any:
        url, _, accepted, _ = parsed(where)
        return import_module("actors.journal.redis_all").AllOfRedis(url, accepted)

    return _Kind(
        opened,
        lambda where: of_all(where).names(),
        lambda where: of_all(where).stamp(),
        lambda where, stamp: of_all(where).put_stamp(stamp),
        place,
        lambda where: of_all(where).users(),
    )


_SERVERS: Final = {kind: _redis(kind) for kind in ("redis", "rediss")}
_KINDS: Final = {
    "sqlite": _Kind(
        _open_sqlite,
        lambda where: sorted(path.stem for path in _folder(where)[0].glob("*.db")),
        lambda where: file_stamp(_folder(where)[0]),
        lambda where, stamp: put_file_stamp(_folder(where)[0], stamp),
        lambda where: str(_folder(where)[0]),
        lambda _: [],  # the data directory's lock says so
    ),
    **_SERVERS,
}


class UnreadableJournal:
    """See `port.Journal`. Which ledgers have begun is not known, and any that is asked for is damaged."""

    def __init__(self, damage: JournalDamaged) -> None:
        self._damage = damage

    def ledger_ids(self) -> list[str]:
        raise self._damage

    def close(self) -> None:
        """Nothing is open."""

    checkpoint = close

    def keep_clock(self, ledger_id: str, epoch: int, mark: ClockMark) -> None:
        """Its actor stays without one, to say that its ledgers are stopped."""

    def accepted_loss(self) -> str:
        """Nothing is written."""
        return ""

    def kept_clock(self) -> None:
        """There is none that can be read."""

    def _refuse(self, *asked: Any, **_named: Any) -> NoReturn:
        raise JournalDamaged(str(asked[0]), self._damage.place, self._damage.why)

    def whereabouts(self) -> NoReturn:
        raise self._damage

    take_over = check_owner = append = read = seal = sealed_seq = move_away = note_reader = readers = _refuse
    stands_at = put_whereabouts = receive = _refuse
    note_attempt = take_back_attempt = attempts = _refuse
    write_snapshot = newest_snapshot = base = snapshot_chunk = _refuse
