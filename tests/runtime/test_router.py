"""The one owner of retries: the same bytes again until they are answered, and whatever was lost, one effect."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from actors.core.chain import Store
from actors.core.policy import HOUR_MS, Policy
from actors.core.rejection import Reason
from actors.journal.codec import chained
from actors.protocol.messages import Held, LedgerStopped, Moved, Refusal
from actors.protocol.placement import CHAIN_ACTOR
from actors.shop.commands import MarkReady
from serve.routing.attempts import ATTEMPT_S_MAX
from serve.routing.batcher import QUEUED_ENTRIES_MAX, DeadlinePassed, Overloaded
from serve.routing.router import CHAIN_POLL_S
from tests.runtime.loop_time import skip, turns
from tests.runtime.routed import S1, Routed, Run
from tests.runtime.runtime_fixture import WAIT_S
from tests.waiting import until_async


@pytest.mark.parametrize("lost", ["call", "answer"])
@pytest.mark.parametrize("times", [1, 4])
def test_the_same_bytes_are_sent_until_they_are_answered(on_the_way: Run, lost: str, times: int) -> None:
    async def test(routed: Routed) -> None:
        before = len(routed.steps(S1))
        (routed.actors.lose_calls if lost == "call" else routed.actors.lose_answers)(S1, times)
        (answer,) = await routed.say(("S1", "k1", "reserve ann A 3"))
        assert isinstance(answer, Held)
        sent = routed.steps(S1)[before:]
        assert len(sent) == times + 1
        assert len(set(sent)) == 1
        assert await routed.on_hand("S1") == (10, 3, 0, 0, 0, 0, 0)

    on_the_way(test)


def test_a_killed_actor_is_a_delay(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        (first,) = await routed.say(("S1", "k1", "reserve ann A 3"))
        routed.actors.kill(S1)
        assert await routed.say(("S1", "k1", "reserve ann A 3"), ("S1", "k2", "reserve bob A 8")) == [
            first,
            Refusal(4, (await routed.say(("S1", "k2", "reserve bob A 8")))[0].rejection),  # type: ignore[union-attr]
        ]
        assert routed.actors.made[S1] == 2

    on_the_way(test)


@pytest.mark.parametrize("written", [False, True])
def test_an_actor_whose_journal_fails_is_a_delay(on_the_way: Run, *, written: bool) -> None:
    async def test(routed: Routed) -> None:
        journal = routed.actors.journals[S1]
        (journal.fail_after if written else journal.fail_before)()
        (answer,) = await routed.say(("S1", "k1", "reserve ann A 3"))
        assert isinstance(answer, Held)
        assert await routed.on_hand("S1") == (10, 3, 0, 0, 0, 0, 0)
        assert routed.actors.made[S1] == 2

    on_the_way(test)


def test_when_the_time_is_over_the_outcome_is_unknown(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        routed.actors.lose_answers(S1, 1_000)
        with pytest.raises(DeadlinePassed) as passed:
            await routed.say(("S1", "k1", "reserve ann A 3"), within_s=1.0)
        assert passed.value.sent
        routed.actors._lost_after.clear()
        (answer,) = await routed.say(("S1", "k1", "reserve ann A 3"))
        assert isinstance(answer, Held)
        assert await routed.on_hand("S1") == (10, 3, 0, 0, 0, 0, 0)

    on_the_way(test)


def test_a_call_that_hangs_is_given_up_and_sent_again(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        before = len(routed.steps(S1))
        routed.actors.hold(S1)
        answers = asyncio.ensure_future(routed.say(("S1", "k1", "reserve ann A 3")))
        await until_async(lambda: _is(len(routed.steps(S1)) == before + 1), within_s=WAIT_S, what="the first attempt")
        del routed.actors._held[S1]  # the next one gets through
        skip(ATTEMPT_S_MAX + 0.01)
        assert isinstance((await answers)[0], Held)
        assert len(set(routed.steps(S1)[before:])) == 1

    on_the_way(test)


async def _is(holds: bool) -> bool:  # a condition that needs no waiting
    return holds


def test_new_rules_reach_the_actor_before_the_first_decision_by_them(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        await routed.actors.set_policy(Policy(ttl_ms_default=HOUR_MS))
        await routed.router.refresh_chain(asyncio.get_running_loop().time() + WAIT_S)
        routed.actors.calls.clear()
        (answer,) = await routed.say(("S1", "k1", "reserve ann A 1"))
        assert isinstance(answer, Held)
        assert answer.expires_at_ms - answer.created_at_ms == HOUR_MS
        assert [method for actor, method, _ in routed.actors.calls if actor == S1] == ["step", "adopt", "step"]

    on_the_way(test)


def test_an_actor_that_restarted_is_given_the_rules_again(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        routed.actors.kill(S1)
        routed.actors.calls.clear()
        await routed.say(("S1", "k1", "reserve ann A 1"))
        assert [method for actor, method, _ in routed.actors.calls if actor == S1] == ["step", "adopt", "step"]

    on_the_way(test)


def test_the_chain_is_learned_from_others_by_itself(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        await routed.actors.put_stores("S3")
        assert "S3" not in routed.router.chain.stores

        async def learned() -> bool:
            skip(CHAIN_POLL_S)
            await turns()
            return "S3" in routed.router.chain.stores

        await until_async(learned, within_s=WAIT_S, what="the new shop")

    on_the_way(test)


def test_the_chain_as_known_is_served_while_its_actor_is_gone(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        routed.actors.lose_calls(CHAIN_ACTOR, 1_000_000)
        for _ in range(5):
            skip(CHAIN_POLL_S + ATTEMPT_S_MAX)
            await turns()
        assert isinstance((await routed.say(("S1", "k1", "reserve ann A 1")))[0], Held)
        routed.actors._lost_before.clear()
        await routed.actors.put_stores("S3")

        async def learned() -> bool:
            skip(CHAIN_POLL_S)
            await turns()
            return "S3" in routed.router.chain.stores

        await until_async(learned, within_s=WAIT_S, what="the new shop, after the poller lived through it")

    on_the_way(test)


def test_a_change_of_the_chain_is_known_when_it_returns(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        deadline = asyncio.get_running_loop().time() + WAIT_S
        assert await routed.router.change_chain("put_stores", [Store("S9", "", 0.0, 0.0, False)], deadline=deadline)
        assert "S9" in routed.router.chain.stores
        policy = Policy(ttl_ms_default=1)
        assert not await routed.router.change_chain("set_policy", policy, 77, deadline=deadline)

    on_the_way(test)


def test_answers_of_several_actors_come_back_to_their_places(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        answers = await routed.say(
            ("S2", "k1", "reserve ann A 11"),
            ("S1", "k1", "reserve ann A 1"),
            ("S2", "k2", "receive B 1"),
            ("S1", "k2", "reserve bob A 99"),
        )
        assert [type(answer) for answer in answers] == [Refusal, Held, Moved, Refusal]
        assert [answer.rejection.available for answer in answers if isinstance(answer, Refusal)] == [10, 9]
        assert await routed.on_hand("S2") == (10, 0, 0, 0, 0, 0, 0)

    on_the_way(test)


def test_one_actor_that_is_gone_does_not_hold_up_the_others(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        routed.actors.lose_calls(S1, 1_000_000)
        entries = [routed.entry("S1", "k1", "reserve ann A 1"), routed.entry("S2", "k1", "reserve ann A 1")]
        deadline = asyncio.get_running_loop().time() + WAIT_S
        (lost, _), (found, places) = routed.router.submit(["S1", "S2"], entries, deadline, promise=False)
        assert [type(answer) for answer in await found] == [Held]
        assert places == [1]
        assert not lost.done()
        routed.actors._lost_before.clear()
        assert [type(answer) for answer in await lost] == [Held]

    on_the_way(test)


def test_overload_of_one_actor_refuses_its_own_part_alone(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        gate = routed.actors.hold(S1)
        before = len(routed.steps(S1))
        entry = routed.entry("S1", "k1", "reserve ann A 1")
        far = asyncio.get_running_loop().time() + 1_000
        flood = [routed.router.submit(["S1"] * 2_048, [entry] * 2_048, far, promise=False) for _ in range(2)]
        await until_async(
            lambda: _is(len(routed.steps(S1)) == before + 2), within_s=WAIT_S, what="two batches that are out"
        )
        step = ("S1", MarkReady("k2", 1))  # of no SKU: those have shares of their own
        flood.append(routed.router.submit(["S1"] * QUEUED_ENTRIES_MAX, [step] * QUEUED_ENTRIES_MAX, far, promise=False))

        with pytest.raises(Overloaded):
            routed.router.submit(["S1"], [entry], far, promise=False)
        with pytest.raises(Overloaded):
            routed.router.submit(["S1", "S1"], [entry, entry], far, promise=False)
        other = routed.entry("S2", "k1", "reserve ann A 1")
        (refused, mine), (answered, its) = routed.router.submit(["S1", "S2"], [entry, other], far, promise=False)
        with pytest.raises(Overloaded):
            await refused
        assert [type(answer) for answer in await answered] == [Held]
        assert (mine, its) == ([0], [1])

        gate.set()
        for [(answers, _)] in flood:
            await answers
        assert await routed.on_hand("S1") == (10, 1, 0, 0, 0, 0, 0)

    on_the_way(test)


def test_a_damaged_ledger_is_not_asked_again_and_again(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        disk = routed.actors.disks[S1]
        epoch, seq = disk.heads["S1"]
        disk.write("records", [["S1", epoch, seq + 1, 1, 0, "[", _checksum(disk, epoch, seq)]])
        routed.actors.kill(S1)
        routed.actors.calls.clear()
        with pytest.raises(LedgerStopped, match="ledger S1: the journal is damaged at seq 3"):
            await routed.router.ask("S1", "status", "S1", deadline=asyncio.get_running_loop().time() + WAIT_S)
        assert len(routed.actors.calls) == 1
        assert await routed.on_hand("S2") == (10, 0, 0, 0, 0, 0, 0)

    on_the_way(test)


def _checksum(disk: Any, epoch: int, seq: int) -> int:
    return chained(disk.checksums["S1"], "S1", epoch, seq + 1, 1, 0, b"[")


def test_the_oldest_reason_is_given_again(on_the_way: Run) -> None:
    async def test(routed: Routed) -> None:
        (refused,) = await routed.say(("S1", "k1", "reserve ann A 11"))
        assert isinstance(refused, Refusal)
        assert refused.rejection.reason is Reason.INSUFFICIENT_STOCK
        await routed.say(("S1", "r2", "receive A 50"))
        routed.actors.kill(S1)
        assert await routed.say(("S1", "k1", "reserve ann A 11")) == [replace(refused, repeated=True)]

    on_the_way(test)
