"""The exceptions, each by file and with its reason. An entry that is no longer needed fails the tests."""

from typing import Final

# Where `except Exception` may stand: at an outer edge, where the failure of one caller must not become everybody's.
BROAD_EXCEPT: Final[dict[str, str]] = {
    "actors/delivery/round.py": "a library that raises is an outcome nobody knows; it is logged by its kind alone",
    "actors/ray_nodes.py": "a look at the nodes that fails ends no service; it is logged, and the next one follows",
    "actors/ray_metrics.py": "one round that fails keeps none of the next; it is logged",
    "actors/rpc/server.py": "a call that fails is answered with its error, and keeps no other caller from its answer",
    "actors/runtime/turns.py": "what a ledger's rules raise stays within that ledger, and is logged",
    "actors/runtime/read_back.py": "one fetch that fails keeps no other from its turn; it is logged",
    "serve/coordination/keyed_tasks.py": "one task that fails keeps no other from its turn; it is logged",
    "serve/coordination/hot_keeper.py": "one turn that fails keeps none of the next; it is logged",
    "serve/coordination/moves.py": "one look that fails keeps none of the next; it is logged",
    "serve/coordination/reconciler.py": "one task that fails keeps no other from its turn; it is logged",
    "serve/registration.py": "a call that fails has a status, as Serve would give it one; it is logged",
    "serve/services/notice_feed.py": "one turn that fails keeps none of the next; it is logged",
    "serve/routing/router.py": "the chain's poller outlives one question that fails; it is logged",
}

# Where an import may stand inside a function.
LATE_IMPORTS: Final[dict[str, str]] = {
    "serve/__main__.py": "Serve reads its switches when it is imported, so they are put into the environment first",
}

# Where `hash()` may stand: what it decides is never written down, and the same in every process as seen from outside.
PROCESS_HASHES: Final[dict[str, str]] = {
    "actors/core/answers.py": "as in packed.py, spelled out for what every call costs",
    "actors/core/linear_hash.py": "the bucket of a key, as in a dictionary; nothing depends on where it is",
    "actors/core/packed.py": "the bucket of an entry, so that no caller can fill one: it is secret to the process",
}

# Where a test may sleep.
SLEEPS: Final[dict[str, str]] = {
    "tests/gateway/test_store_moves_beside.py": "lets the gateway's own loop go on, which looks at moves by itself",
    "tests/runtime/actors_here.py": "stands for an actor that waits until something has happened",
    "tests/simulation/sim_actors.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/chain_checks.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/gateways.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/elsewhere_callers.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/cut_off_world.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/lethal_callers.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/order_callers.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/troubles.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/chain_world.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/test_calm.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/plain_callers.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/test_elsewhere_crashes.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/test_line_crashes.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/test_transfer_crashes.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/test_order_crashes.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/test_comparison.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/test_claims.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/hint_world.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/hot_callers.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/test_hot_crashes.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/simulation/test_reconciler.py": "sleeps in virtual time, where nobody waits for anything",
    "tests/waiting.py": "polls other processes, with a deadline; every other test waits through it",
}
