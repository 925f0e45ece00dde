"""A command that ends its actor twice when it is alone is refused by its key, by whomever and whenever it is sent."""

import asyncio
from typing import Any

import pytest

from actors.core.policy import CALL_MS_MAX
from actors.journal.port import Attempt, JournalFailed, LedgerBroken, Record
from actors.orders.commands import Open, Plan
from actors.orders.parts import first_claim_of
from actors.protocol.messages import CallLost, Held, Moved, Stopped, pack_batch
from actors.protocol.placement import Placement
from actors.runtime import group_commit
from actors.runtime.kinds import SHOP
from actors.runtime.refusals import ATTEMPTS_MAX
from actors.shop.commands import Acknowledge
from actors.store_actor import StoreActor
from serve.routing.batcher import DeadlinePassed
from serve.routing.losses import LOSSES_MAX
from serve.routing.router import Router
from tests.runtime.actors_here import Ended
from tests.runtime.loop_time import skip
from tests.runtime.routed import S1, Routed, Run
from tests.runtime.rpc_served import Actor, connected, run, serving
from tests.runtime.runtime_fixture import WAIT_S, ActorRuntime, ManualClock, entries

POISONED = [("S1", key, "reserve ann A 1") for key in ("k1", "poison", "k2")]
HELD_BUT_ONE = [Held, Stopped, Held]


class Poison:
    """Rules that end the process of their actor at one key, or at a kind of commands, so many times."""

    def __init__(self) -> None:
        self.kind: type = Poison
        self.times = 1_000
        self.deaths = 0

    def transact(self, ledger: Any, command: Any, now_ms: int, is_behind: bool) -> Any:
        is_meant = "poison" in (command.key, getattr(command, "call_key", "")) or isinstance(command, self.kind)
        if is_meant and self.deaths < self.times:
            self.deaths += 1
            raise Ended
        return SHOP.transact(ledger, command, now_ms, is_behind)


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poison:
    planted = Poison()
    monkeypatch.setattr(StoreActor, "core", SHOP._replace(transact=planted.transact))
    return planted


async def answers(routed: Routed, router: Router) -> list[type]:
    batch = [routed.entry(*line) for line in POISONED]
    return [type(each) for each in await router.send_all(batch, asyncio.get_running_loop().time() + WAIT_S)]


def test_it_is_found_once_and_no_gateway_or_restart_lets_it_end_the_actor_again(
    on_the_way: Run, poison: Poison, clock: ManualClock
) -> None:
    async def test(routed: Routed) -> None:
        assert await answers(routed, routed.router) == HELD_BUT_ONE
        assert poison.deaths == LOSSES_MAX + ATTEMPTS_MAX
        (refused,) = await routed.say(POISONED[1])
        assert isinstance(refused, Stopped)
        assert "'poison' has ended the actor 2 times. Nothing was done" in refused.why
        other = Router(routed.actors, Placement(0))
        await other.refresh_chain(asyncio.get_running_loop().time() + WAIT_S)
        for _ in range(2):
            assert await answers(routed, other) == HELD_BUT_ONE
            routed.actors.kill(S1)
        assert poison.deaths == LOSSES_MAX + ATTEMPTS_MAX
        assert await routed.on_hand("S1") == (10, 2, 0, 0, 0, 0, 0)

        poison.times = 0  # mended
        clock.move(CALL_MS_MAX - 1)
        assert await answers(routed, other) == HELD_BUT_ONE
        clock.move(1)
        assert await answers(routed, other) == [Held, Held, Held]

    on_the_way(test)


def test_it_is_found_over_calls_that_have_no_time_for_a_second_try(
    on_the_way: Run, poison: Poison, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(routed: Routed) -> None:
        call = routed.actors.call

        async def called(*args: Any) -> Any:
            try:
                return await call(*args)
            except CallLost:
                skip(WAIT_S)  # a restart takes longer than its caller waits
                raise

        monkeypatch.setattr(routed.actors, "call", called)
        for number in range(LOSSES_MAX + ATTEMPTS_MAX):
            with pytest.raises(DeadlinePassed):
                await routed.say(("S1", f"other {number}", "reserve ann A 1"), POISONED[1], within_s=WAIT_S)
        assert [type(each) for each in await routed.say(POISONED[0], POISONED[1])] == HELD_BUT_ONE[:2]
        assert poison.deaths == LOSSES_MAX + ATTEMPTS_MAX
        assert await routed.on_hand("S1") == (10, ATTEMPTS_MAX + 1, 0, 0, 0, 0, 0), (
            "the others of the batches that it was lost with"
        )

    on_the_way(test)


def test_a_claim_is_refused_for_its_call_which_has_another_claim_at_each_try(on_the_way: Run, poison: Poison) -> None:
    asked = Open("poison", "content", "ann", "web", 0, (Plan("S1", (("A", 1),), 0),), (), "")

    async def test(routed: Routed) -> None:
        deadline = asyncio.get_running_loop().time() + WAIT_S
        for number in range(1, 5):
            claim = first_claim_of("~0001", asked, number, f"try {number}", asked.plans[0])
            assert isinstance(await routed.router.send(("S1", claim), deadline, promise=False), Stopped)
        assert poison.deaths == LOSSES_MAX + ATTEMPTS_MAX

    on_the_way(test)


def test_one_without_a_key_is_refused_by_its_content_and_no_other_with_it(on_the_way: Run, poison: Poison) -> None:
    poison.kind = Acknowledge

    async def test(routed: Routed) -> None:
        deadline = asyncio.get_running_loop().time() + WAIT_S
        for _ in range(3):
            answers = [await routed.router.send(("S1", Acknowledge(((1, 1),))), deadline, promise=False)]
            assert list(map(type, answers)) == [Stopped]
            assert poison.deaths == LOSSES_MAX + ATTEMPTS_MAX
        poison.times = 0
        assert isinstance(await routed.router.send(("S1", Acknowledge(((2, 1),))), deadline, promise=False), Moved)

    on_the_way(test)


def test_the_attempts_of_several_gateways_are_counted_together(on_the_way: Run, poison: Poison) -> None:
    async def test(routed: Routed) -> None:
        with pytest.raises(CallLost):  # and its gateway ends too
            await routed.actors.call(S1, "step", pack_batch(0, [routed.entry(*POISONED[1])]), True)
        assert await answers(routed, routed.router) == HELD_BUT_ONE
        assert poison.deaths == 1 + LOSSES_MAX + ATTEMPTS_MAX - 1

    on_the_way(test)


def test_an_actor_that_others_end_is_a_delay_and_leaves_nothing(on_the_way: Run, poison: Poison) -> None:
    async def test(routed: Routed) -> None:
        poison.times = LOSSES_MAX + ATTEMPTS_MAX - 1
        assert await answers(routed, routed.router) == [Held, Held, Held]
        assert poison.deaths == poison.times
        assert routed.actors.disks[S1].attempts == {"S1": {}}

    on_the_way(test)


def test_nothing_is_noted_of_what_is_not_sent_alone(runtime: ActorRuntime) -> None:
    runtime.deliver("k1: receive A 10")
    assert entries(runtime.journal.log, "note_attempt") == []
    runtime.host.step_alone([("S1", runtime.command(f"{key}: reserve ann A 1")) for key in ("k2", "k1", "k3")])
    noted = [f"note_attempt S1 {key}:{count}" for key in ("k2", "k1", "k3") for count in (1, 0)]
    assert entries(runtime.journal.log, "note_attempt") == noted
    assert runtime.journal.attempts("S1") == []


def test_what_was_answered_before_its_actor_ended_is_answered_again(runtime: ActorRuntime) -> None:
    runtime.deliver("receive A 10")
    first = runtime.deliver("k1: reserve ann A 1")
    runtime.journal.note_attempt("S1", runtime.epoch(), Attempt("k1", ATTEMPTS_MAX, runtime.clock.at_ms), 0)
    assert runtime.successor().deliver("k1: reserve ann A 1") == first


def test_an_attempt_that_cannot_be_noted_ends_the_actor(runtime: ActorRuntime) -> None:
    runtime.deliver("receive A 10")
    runtime.journal.fail_call("note_attempt")
    with pytest.raises(JournalFailed):
        runtime.host.step_alone([("S1", runtime.command("k1: reserve ann A 1"))])
    assert len(runtime.failures) == 1
    assert len(entries(runtime.journal.log, "append")) == 1
    assert runtime.successor().stock() == "A 10/0"


@pytest.mark.parametrize("call", ["note_attempt", "append"])
def test_an_end_by_a_failing_journal_is_not_counted(runtime: ActorRuntime, call: str) -> None:
    runtime.deliver("receive A 10")
    for _ in range(ATTEMPTS_MAX + 1):
        runtime.journal.fail_call(call)
        with pytest.raises(JournalFailed):
            runtime.host.step_alone([("S1", runtime.command("k1: reserve ann A 1"))])
        runtime = runtime.successor()
        assert runtime.journal.attempts("S1") == []
    assert runtime.deliver("k1: reserve ann A 1").startswith("#2 HELD")


def test_an_end_by_what_is_no_failure_of_the_journal_is_counted(
    runtime: ActorRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planted(*_args: Any) -> list[Record]:
        raise ValueError("planted")

    runtime.deliver("receive A 10")
    monkeypatch.setattr(group_commit, "records_of", planted)
    for _ in range(ATTEMPTS_MAX):
        with pytest.raises(JournalFailed, match="planted"):
            runtime.host.step_alone([("S1", runtime.command("k1: reserve ann A 1"))])
        runtime = runtime.successor()
    assert [attempt.times for attempt in runtime.journal.attempts("S1")] == [ATTEMPTS_MAX]


def test_a_stopped_ledger_says_so_to_what_is_sent_alone(runtime: ActorRuntime) -> None:
    runtime.deliver("receive A 10")
    damaged = runtime.host._damaged["S1"] = LedgerBroken("S1", "seq 1", "planted")
    del runtime.host._hosted["S1"]
    assert runtime.host.step_alone([("S1", runtime.command("reserve ann A 1"))]) == [Stopped(str(damaged))]


def test_what_comes_alone_is_decided_by_itself_behind_the_rest() -> None:
    async def main() -> None:
        connection = await connected(server)
        actor: Actor = server.actor
        actor.may_decide.clear()
        begun = connection.call("step", (b"0",))
        await asyncio.to_thread(actor.deciding.wait)
        rest = [connection.call("step", each) for each in ((b"1", True), (b"2",), (b"3", True), (b"4",))]
        await asyncio.sleep(0)  # they are in the socket by then
        actor.may_decide.set()
        assert await asyncio.gather(begun, *rest) == [b"0", b"1", b"2", b"3", b"4"]
        assert actor.turns == [[b"0"], [b"2", b"4"], [b"1"], [b"3"]]
        connection.abort()

    with serving() as server:
        run(main)
