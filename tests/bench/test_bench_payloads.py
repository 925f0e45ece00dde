"""What the load generator sends is what protobuf would have written."""

from bench.frames import END_STREAM, FRAME_BYTES_MAX, _data
from bench.payloads import Shape, requests
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


def test_a_long_message_is_cut_into_frames_and_ends_once() -> None:
    body = bytes(range(256)) * 200
    sent, found, ends = _data(5, body), b"", []
    while sent:
        length = int.from_bytes(sent[:3], "big")
        assert length <= FRAME_BYTES_MAX
        assert int.from_bytes(sent[5:9], "big") == 5
        ends.append(bool(sent[4] & END_STREAM))
        found, sent = found + sent[9 : 9 + length], sent[9 + length :]
    assert found == body
    assert ends == [False] * (len(ends) - 1) + [True]
