"""What the actor's side does with callers: those who are admitted, those who are not, and those who misbehave."""

import asyncio
import itertools
import socket
import struct
from typing import Any

import msgspec
import pytest

from actors.protocol.messages import ActorGone, LedgerStopped
from actors.rpc import backoff, client, frames, server as server_module
from actors.rpc.backoff import SPREAD, START_PAUSE_S_MAX, Away
from actors.rpc.client import ActorFailed
from actors.rpc.frames import Challenge, FrameBuffer, Hello, NotAdmitted, decode, encode, proof_of
from actors.rpc.server import CallerClock, Server
from tests.runtime.rpc_served import ACTOR, WAIT_S, Actor, connected, run, serving
from tests.waiting import until


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that gets no CPU for a second is not silent: what silence is, test_rpc_client says."""
    monkeypatch.setattr(client, "SILENT_S", WAIT_S)


def test_calls_are_answered_and_errors_come_back_as_what_they_are() -> None:
    async def main() -> None:
        connection = await connected(server)
        assert await connection.call("step", (b"bytes",)) == b"bytes"
        assert await connection.call("double", (4,)) == 8
        assert await connection.call("double", (4, 1)) == 9
        with pytest.raises(LedgerStopped, match="damaged at seq 7"):
            await connection.call("fail", ("damaged",))
        with pytest.raises(ActorGone, match="the disk is full"):
            await connection.call("fail", ("failed",))
        with pytest.raises(ActorFailed, match="by nothing"):
            await connection.call("fail", ("fault",))
        with pytest.raises(ActorFailed, match="no batch"):
            await connection.call("step", (b"bad",))
        with pytest.raises(ActorFailed, match="arguments of double"):
            await connection.call("double", ("four",))
        connection._methods = {**connection._methods, "hidden": connection._methods["fail"]}
        with pytest.raises(ActorFailed, match="has no method hidden"):
            await connection.call("hidden", ())
        assert await connection.call("double", (1,)) == 2  # and goes on
        connection.abort()

    with serving() as server:
        run(main)


def test_an_answer_that_fits_no_frame_is_an_error_of_its_call_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "RESULT_BYTES_MAX", 1_000)

    async def main() -> None:
        connection = await connected(server)
        with pytest.raises(ActorFailed, match="larger than a frame may be"):
            await connection.call("large", (2_000,))
        assert await connection.call("double", (1,)) == 2
        connection.abort()

    with serving() as server:
        run(main)


def test_what_arrives_during_a_step_is_decided_at_once_for_all_connections() -> None:
    async def main() -> None:
        first, second = await connected(server), await connected(server)
        actor: Actor = server.actor
        actor.may_decide.clear()
        begun = first.call("step", (b"0",))
        await asyncio.to_thread(actor.deciding.wait)
        rest = [each.call("step", (b"%d" % number,)) for number, each in enumerate((first, second, first), 1)]
        await asyncio.sleep(0)  # they are in the sockets by then
        actor.may_decide.set()
        assert await asyncio.gather(begun, *rest) == [b"0", b"1", b"2", b"3"]
        assert [sorted(turn) for turn in actor.turns] == [[b"0"], [b"1", b"2", b"3"]]
        first.abort()
        second.abort()

    with serving() as server:
        run(main)


def test_who_waits_for_something_to_happen_takes_no_thread_of_the_others() -> None:
    async def main() -> None:
        connection = await connected(server)
        waiting = [connection.call("moved", (number,)) for number in range(3 * server_module.QUERY_THREADS)]
        assert await connection.call("double", (1,)) == 2
        assert not any(each.done() for each in waiting)
        server.actor.happened.set()
        assert await asyncio.gather(*waiting) == list(range(3 * server_module.QUERY_THREADS))
        connection.abort()

    with serving() as server:
        run(main)


def test_a_bad_batch_fails_alone() -> None:
    async def main() -> None:
        connection = await connected(server)
        answers = await asyncio.gather(
            *(connection.call("step", (each,)) for each in (b"1", b"bad", b"2")), return_exceptions=True
        )
        assert [answers[0], answers[2]] == [b"1", b"2"]
        assert isinstance(answers[1], ActorFailed)
        connection.abort()

    with serving() as server:
        run(main)


def test_callers_without_the_secret_or_of_another_actor_are_refused() -> None:
    async def main() -> None:
        with pytest.raises(ActorGone, match="the secret is another one"):
            await connected(server, secret=b"guess")
        with pytest.raises(ActorGone, match="this is store-S1, and not store-S2"):
            await connected(server, actor="store-S2")

    with serving() as server:
        run(main)


def _raw(server: Server) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=20)


def _challenge(peer: socket.socket) -> Challenge:
    body = b""
    while not body:
        body = b"".join(FrameBuffer(1_024).feed(peer.recv(1_024)))
    challenge = decode(body)
    assert isinstance(challenge, Challenge)
    return challenge


def _admitted(server: Server, version: int = frames.VERSIONS[-1]) -> tuple[socket.socket, Any]:
    """A caller that does everything by hand, and what it is told."""
    peer = _raw(server)
    nonce = _challenge(peer).nonce
    peer.sendall(encode(Hello(version, ACTOR, b"mine", proof_of(server.secret, b"caller", nonce, b"mine"))))
    (body,) = FrameBuffer(1_024).feed(peer.recv(1_024))
    return peer, decode(body)


def _ended(peer: socket.socket) -> bool:
    try:
        while peer.recv(65_536):
            pass
    except OSError:
        pass
    return True


def test_a_version_that_is_not_spoken_is_refused_by_name() -> None:
    with serving() as server:
        peer, told = _admitted(server, 9)
        assert isinstance(told, NotAdmitted)
        assert "version 9 of the frames is not spoken here, only 1" in told.why
        assert _ended(peer)
        peer.close()


def test_a_version_before_is_spoken_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "VERSIONS", (1, 2))
    with serving() as server:
        for version in (1, 2):
            peer, told = _admitted(server, version)
            assert isinstance(told, frames.Welcome)
            peer.close()

        async def main() -> None:  # a gateway that knows the first alone
            (await connected(server)).abort()

        run(main)


LENGTH = struct.Struct("!I")
# Deeper than a decoder goes, in a frame that is small enough for anybody's.
NESTED = encode(frames.Request(1, 0, "", msgspec.Raw(b"\x91" * 1_000 + b"\xc0")))


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        LENGTH.pack(2**31),
        LENGTH.pack(4) + b"\xff\xff\xff\xff",
        encode(frames.Heartbeat(1)),
        encode(Hello(1, ACTOR, b"", b""))[:-1] + b"\xc1",
        NESTED,
    ],
    ids=["another protocol", "a huge frame", "no message", "a heartbeat before all", "half a message", "nested"],
)
def test_garbage_ends_its_connection_and_no_other(garbage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with serving() as server:
        stranger = _raw(server)
        stranger.sendall(garbage)
        assert _ended(stranger)
        stranger.close()
        admitted, _ = _admitted(server)
        admitted.sendall(LENGTH.pack(frames.FRAME_BYTES_MAX + 1))
        assert _ended(admitted)
        admitted.close()
        peer, told = _admitted(server)
        assert isinstance(told, frames.Welcome)
        peer.sendall(NESTED)
        assert _ended(peer)
        peer.close()
    told_by = {record.name for record in caplog.records}
    assert told_by == {"holdfast.rpc"}  # and not by asyncio, as an error that nobody has caught


def test_who_says_nothing_or_half_a_frame_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "HANDSHAKE_S", 0.05)
    with serving() as server:
        silent, half = _raw(server), _raw(server)
        half.sendall(LENGTH.pack(100) + b"half")
        assert _ended(silent)
        assert _ended(half)
        silent.close()
        half.close()
        until(lambda: not server._peers, within_s=20, what="no connection")


def test_ten_thousand_connections_take_no_place_from_those_who_are_there() -> None:
    async def main() -> None:
        connection = await connected(server)
        most = 0
        for _ in range(25):
            strangers = []
            for _ in range(8):
                strangers += [_raw(server) for _ in range(50)]
                await asyncio.sleep(0)
            most = max(most, len(server._peers))
            assert await connection.call("double", (1,)) == 2
            for each in strangers:
                each.close()
        assert 1 < most <= server_module.CONNECTIONS_MAX
        connection.abort()

    with serving() as server:
        run(main)
        until(lambda: not server._peers, within_s=20, what="no connection")


def test_a_caller_that_does_not_read_is_not_read_and_then_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "SLOW_READER_S", 0.2)
    monkeypatch.setattr(server_module, "WRITE_BUFFER_BYTES", 65_536)
    with serving() as server:
        peer, _ = _admitted(server)
        arguments = server_module._encode((1_000_000,))
        for number in range(2 * server_module.REQUESTS_MAX):
            peer.sendall(encode(frames.Request(number, 0, "large", msgspec.Raw(arguments))))
        until(lambda: not server._peers, within_s=20, what="the connection let go")
        peer.close()

        async def main() -> None:
            connection = await connected(server)
            assert len(await connection.call("large", (1_000_000,))) == 1_000_000
            connection.abort()

        run(main)


def test_a_full_connection_is_not_read_until_some_calls_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "REQUESTS_MAX", 4)

    async def main() -> None:
        connection = await connected(server)
        actor: Actor = server.actor
        actor.may_decide.clear()
        begun = connection.call("step", (b"first",))
        await asyncio.to_thread(actor.deciding.wait)
        calls = []
        for number in range(64):  # each a frame of its own, so that they are read apart
            calls.append(connection.call("step", (bytes(300_000) + b"%d" % number,)))
            await asyncio.sleep(0)
        actor.may_decide.set()
        await asyncio.gather(begun, *calls)
        assert max(len(turn) for turn in actor.turns) < 64
        assert sum(len(turn) for turn in actor.turns) == 65
        connection.abort()

    with serving() as server:
        run(main)


def test_an_actor_that_cannot_start_is_tried_again_and_its_callers_hear_why(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[int] = []

    def pause_s(_name: str, failed: int) -> float:
        failures.append(failed)
        return 0.0 if failed < 3 else WAIT_S

    def build() -> Any:
        raise OSError("no disk")

    async def main() -> None:
        await asyncio.to_thread(until, lambda: failures == [1, 2, 3], within_s=WAIT_S, what="the third try")
        with pytest.raises(ActorGone, match="it cannot serve: OSError"):
            await connected(server)

    monkeypatch.setattr(server_module, "start_pause_s", pause_s)
    with serving(build) as server:
        run(main)
        assert server.tried.is_set()
        assert not server.ready.is_set()  # and closed while it waits


def test_an_actor_that_starts_at_last_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "start_pause_s", lambda _name, _failed: 0.0)
    left = [OSError("no disk"), OSError("no disk")]

    def build() -> Any:
        if left:
            raise left.pop()
        return Actor()

    async def main() -> None:
        connection = await connected(server)
        assert await connection.call("double", (4,)) == 8
        connection.abort()

    with serving(build) as server:
        server.ready.wait()
        assert server.failure == ""
        run(main)


def test_a_server_whose_loop_fails_says_so_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "methods_of", lambda _of: 1 // 0)
    failures: list[Exception] = []
    server = Server(ACTOR, "127.0.0.1", Actor, failures.append)
    server.ready.wait()
    server._thread.join()
    server.close()
    assert len(failures) == 1


def test_pauses_between_starts_double_and_are_bounded_and_others_for_another_name() -> None:
    pauses = [backoff.start_pause_s(ACTOR, failed) for failed in range(1, 100)]
    assert pauses[:7] == [pauses[0] * 2**number for number in range(7)]
    assert max(pauses) <= START_PAUSE_S_MAX * (1 + SPREAD)
    assert len({backoff.start_pause_s(f"store-{number}", 9) for number in range(100)}) > 50


def test_who_is_away_is_tried_less_and_less_often_and_at_once_again_when_reached() -> None:
    now, tries = 0.0, []
    away = Away(lambda: now)
    for turn in range(3_600 * 50):  # a caller that asks fifty times a second for an hour
        now = turn / 50
        if not away.why_not(ACTOR):
            tries.append(now)
            away.failed(ACTOR, "it is away")
    assert len(tries) < 2_000
    assert max(later - sooner for sooner, later in itertools.pairwise(tries)) < 2.6
    assert all(later - sooner < 0.1 + sooner / 6 for sooner, later in itertools.pairwise(tries))
    assert away.why_not(ACTOR) in ("", "it is away")
    away.reached(ACTOR)
    assert away.why_not(ACTOR) == ""


def test_a_caller_s_clock_is_known_by_the_quickest_of_its_requests() -> None:
    clock = CallerClock()
    clock.heard(5_000, 100)
    assert clock.now_ms(100) == 5_000
    clock.heard(6_000, 1_600)  # half a second on its way
    assert clock.now_ms(1_600) == 6_500
    clock.heard(7_000, 2_095)  # five milliseconds quicker than the first
    assert clock.now_ms(3_000) == 7_905
    # Clocks drift apart: after a minute or two what was seen before does not count any more.
    for minute in range(1, 4):
        clock.heard(7_000 + 61_000 * minute, 2_195 + 61_000 * minute)
    assert clock.now_ms(200_000) == 200_000 + 4_805


def test_a_request_that_waited_in_a_stopped_process_is_seen_to_have_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    here_ms = server_module._here_ms

    async def main() -> None:
        connection = await connected(server)
        await connection.call("step", (b"1",))
        actor: Actor = server.actor
        actor.may_decide.clear()
        actor.deciding.clear()
        begun = connection.call("step", (b"2",))
        await asyncio.to_thread(actor.deciding.wait)
        sent_ms = int(asyncio.get_running_loop().time() * 1_000)
        late = connection.call("step", (b"3",))
        monkeypatch.setattr(server_module, "_here_ms", lambda: here_ms() + 200)
        actor.may_decide.set()
        await asyncio.gather(begun, late)
        assert actor.times[2] >= sent_ms + 190
        connection.abort()

    with serving() as server:
        run(main)
