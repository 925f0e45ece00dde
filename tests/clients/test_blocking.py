"""The blocking face: threads share one loop, their calls batch together, and errors come out where they were asked."""

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from holdfast.client import BlockingChannelClient, ChannelClient, NotFound, Reservation, Status, Store
from holdfast.client.errors import ClientClosed
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread
from tests.waiting import until

THREADS = 32


@pytest.fixture
def service(service: Service) -> Service:
    service.shop("s1", {"sku-1": 1_000})
    return service


def test_threads_share_batches_and_each_gets_its_own_answer(service: Service) -> None:
    gate = threading.Barrier(THREADS)
    with serving_in_thread(service) as target, BlockingChannelClient(target) as client:

        def use(number: int) -> list[str]:
            gate.wait()
            found = [client.reserve("s1", [("sku-1", 1)], customer_id=f"c{number}", channel="web") for _ in range(10)]
            return [one.customer_id for one in found if isinstance(one, Reservation)]

        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(use, range(THREADS)))
        # What is done is forgotten.
        assert not client.loop_thread._tasks
    assert answers == [[f"c{number}"] * 10 for number in range(THREADS)]
    assert service.decided("s1") == THREADS * 10
    assert len(service.requests) < THREADS * 10
    assert max(len(batch.requests) for batch in service.asked("ReserveBatch")) > 1


def test_errors_pages_and_watches_come_through(service: Service) -> None:
    with serving_in_thread(service) as target, BlockingChannelClient(target) as client:
        with pytest.raises(NotFound):
            client.get_reservation("s1:404")
        held = [client.reserve("s1", [("sku-1", 1)], customer_id="c", channel="web") for _ in range(3)]
        found = list(client.list_reservations("s1", statuses=[Status.HELD], page_size=2))
        assert found == held
        assert list(client.list_stores()) == [Store("s1")]
        with client.watch_events(["s1"]) as watch:
            assert [next(watch).version for _ in range(3)] == [1, 2, 3]
            assert watch.cursors == {"s1": 3}
            for _ in range(2):
                next(watch)

            def close_during_a_step() -> None:
                until(lambda: bool(client.loop_thread._tasks), within_s=10, what="the step that waits for an event")
                watch.close()

            with ThreadPoolExecutor(1) as pool:
                closed = pool.submit(close_during_a_step)
                assert list(watch) == []
                closed.result()


def test_a_closed_client_says_so_and_leaves_no_thread(service: Service) -> None:
    before = set(threading.enumerate())
    with serving_in_thread(service) as target:
        client = BlockingChannelClient(target)
        client.close()
        client.close()
        with pytest.raises(ClientClosed):
            client.get_policy()
    assert {thread for thread in threading.enumerate() if thread.name.startswith("holdfast")} <= before


def test_both_faces_offer_the_same_calls() -> None:
    def calls(face: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in inspect.getmembers(face, inspect.isfunction)
            if not name.startswith("_")
        }

    assert calls(BlockingChannelClient) == calls(ChannelClient)


def test_a_call_with_wrong_arguments_fails_its_caller_and_no_other(service: Service) -> None:
    with serving_in_thread(service) as target, BlockingChannelClient(target) as client:
        with pytest.raises(TypeError, match="customer_id"):
            client.reserve("s1", [("sku-1", 1)])  # type: ignore[call-arg]
        assert isinstance(client.reserve("s1", [("sku-1", 1)], customer_id="c", channel="web"), Reservation)


def test_several_threads_may_close_while_others_call(service: Service) -> None:
    gate = threading.Barrier(THREADS)
    with serving_in_thread(service) as target:
        client = BlockingChannelClient(target)

        def use(number: int) -> None:
            gate.wait()
            if number % 2:
                client.close()
                return
            # Answered, or told that it was not, and never left waiting.
            with suppress(ClientClosed):
                while True:
                    client.get_policy()

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(use, range(THREADS)))
    assert client.loop_thread.closed
