"""A shop in which everything has happened to pick tasks and to units in transit, for tests that have a list of all
kinds of events.
"""

from msgspec.structs import replace

from actors.shop.shortfalls.shortfall import NoteMoveRefused
from tests.shop.scenario_text import command_of
from tests.shop.watched import Watched


def picked(watched: Watched) -> Watched:
    """The same shop, which picks from now on, and promises what is in transit, and has. One task is left that is to be
    put back, one that moves to another shop, and one promise.
    """
    now_ms, rules = watched.ledger.time_ms, watched.ledger.policy
    rules = replace(rules, version=rules.version + 1, picks=True, put_back_first=True, promise_in_transit=True)
    watched.adopt(rules, now_ms)
    said = 0

    def say(text: str) -> int:
        nonlocal said
        said += 1
        watched.say(command_of(text, f"picked {said}", now_ms), now_ms)
        return watched.ledger.version

    say("receive P 9, Q 9")
    for ends in ("shelve", "leave"):
        number = say(f"reserve pat-{ends} P 3, Q 1")
        say(f"confirm #{number}")
        say(f"here #{number} in P4")
        say(f"take #{number} as eva")
        say(f"scan #{number} P 2 as eva")
        say(f"short #{number} P 1 for Q 1 listed as eva")
        if ends == "leave":
            task = say(f"short #{number} Q 1 elsewhere S2,S3 as eva") - 1
            watched.say(NoteMoveRefused(task, "S2"), now_ms)
            say(f"leave #{number} as eva")
            say(f"release #{number}")
            continue
        say(f"short #{number} Q 1 without as eva")
        say(f"scan #{number} Q 1 as eva")
        say(f"finish #{number} as eva in B7 ready")
        say(f"release #{number}")
        say(f"shelve #{number} as eva")
    say("receive R 1")
    say("advise S9:T81 R 3")
    say("advise S9:T82 R 5")
    say(f"release #{say('reserve pia R 2')}")
    say(f"confirm #{say('reserve pia R 3')}")
    say("reserve pam R 4")
    say("arrive S9:T81 R 1")
    return watched
