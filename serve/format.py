"""`holdfast format show|raise PLACE`: in which format a stopped service writes, and to raise that to this version's."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Final, NoReturn

from actors.chain_actor import ChainActor
from actors.journal.copy import CopyRefused
from actors.journal.open import journal_names, open_journal, place_of
from actors.journal.port import JournalError
from actors.protocol.formats import FORMATS, NEWEST
from actors.protocol.placement import CHAIN_ACTOR
from actors.runtime.clock import SystemClock
from serve.journal import setting_of, unused

FAILED: Final = 1
FLAG: Final = "--no-way-back"


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 where it was shown, or is raised now; 1 where it is not raised, with why on stderr; 2 for wrong
    usage.
    """
    parser = argparse.ArgumentParser(prog="holdfast format", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("show", "Show the format of a stopped service, and what a later one would make possible."),
        ("raise", "Raise it. No version that does not know the format can serve these journals from then on."),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("PLACE", help="A data directory, or redis://HOST:PORT/DB.")
        command.add_argument("--json", action="store_true", dest="as_json", help="One JSON object on stdout.")
        if name == "raise":
            command.add_argument(FLAG, action="store_true", dest="may", help="Do it: there is no way back from it.")
    given = parser.parse_args(arguments)
    place: str = vars(given)["PLACE"]
    is_raised = given.command == "raise" and given.may
    try:
        with unused(place):
            before, number = _looked_at(place, is_raised=is_raised)
    except (CopyRefused, JournalError, OSError, ValueError) as error:
        sys.stderr.write(f"holdfast: the format is as it was: {error}\n")
        return FAILED
    _tell(place, before, number, as_json=given.as_json)
    if given.command == "raise" and number < NEWEST:
        sys.stderr.write(
            f"holdfast: not raised. Versions that know no format {NEWEST} could not serve {place} any more, and there "
            f"is no way back; give {FLAG} where that is what you want\n"
        )
        return FAILED
    return 0


def _looked_at(place: str, *, is_raised: bool) -> tuple[int, int]:
    """The format before and after. Raises CopyRefused where there is no service, and JournalError."""
    setting = setting_of(place)
    if CHAIN_ACTOR not in journal_names(setting):
        raise CopyRefused(f"{place_of(setting)} has no journals of a service")
    with closing(open_journal(setting, CHAIN_ACTOR)) as journal:
        actor = ChainActor(CHAIN_ACTOR, journal, SystemClock(journal.kept_clock()), _end)
        if is_raised:
            return actor.raise_format()
        number = actor.settle_format(is_new=False)
        return number, number


def _end(failure: JournalError) -> NoReturn:
    raise failure


def _tell(place: str, before: int, number: int, *, as_json: bool) -> None:
    possible = [text for each, added in FORMATS.items() if before < each for text in added.brings]
    document = {"place": place, "before": before, "format": number, "newest": NEWEST, "brings": possible}
    if as_json:
        sys.stdout.write(json.dumps(document) + "\n")
        return
    said = [f"{place} has format {number}" + (f", raised from {before}" if number > before else "")]
    if possible:
        said.append(f"format {NEWEST} makes possible:" if number < NEWEST else "which makes possible:")
    sys.stdout.write("\n".join([*said, *(f"  - {text}" for text in possible)]) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
