"""What the load generator sends is what protobuf would have written."""

from bench.samples import Shape, requests
from holdfast.v1 import reservation_service_pb2 as service_pb2


def test_each_single_request_has_a_fresh_key() -> None:
    made = list(requests(Shape(("S1", "S2"), 50, 3, 0), 40, seed=1))
    parsed = [service_pb2.ReserveRequest.FromString(each) for each in made]
    assert len({each.idempotency_key for each in parsed}) == 40
    assert {len(each.idempotency_key) for each in parsed} == {32}
    assert [each.store_id for each in parsed[:4]] == ["S1", "S2", "S1", "S2"]
    assert {len(each.lines) for each in parsed} == {3}
    assert all(line.quantity == 1 for each in parsed for line in each.lines)
    assert [each.SerializeToString() for each in parsed] == made


def test_a_batch_holds_so_many() -> None:
    (made,) = requests(Shape(("S1",), 50, 1, 300), 1, seed=1)
    parsed = service_pb2.ReserveBatchRequest.FromString(made)
    assert len({each.idempotency_key for each in parsed.requests}) == 300
    assert parsed.SerializeToString() == made


def test_the_same_seed_draws_the_same_lines() -> None:
    first, second = (
        [service_pb2.ReserveRequest.FromString(each).lines[0].sku for each in requests(Shape(("S1",), 50, 1, 0), 20, 3)]
        for _ in range(2)
    )
    assert first == second


def test_requests_for_what_is_sold_out_name_one_sku_and_say_that_they_are_the_first() -> None:
    shape = Shape(("S1",), 50, 1, 0, "gone", first_attempt=True)
    made = [service_pb2.ReserveRequest.FromString(each) for each in requests(shape, 3, seed=1)]
    assert {(row.sku, row.quantity) for each in made for row in each.lines} == {("gone", 1)}
    assert all(each.first_attempt for each in made)
