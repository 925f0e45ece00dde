"""What actors were lost with is remembered for a minute, and no more of it than there is room for."""

from actors.core.transact import Deferred
from actors.orders import commands as orders
from actors.protocol.messages import Entry, Late, Stopped, name_of
from actors.shop import commands as shop
from serve.routing.losses import LOSSES_MAX, LOST_MAX, REMEMBERED_S, Losses
from tests.shop.scenario_text import command_of

SLOT = "customers/0007"


def entry(key: str, store_id: str = "S1") -> Entry:
    return store_id, command_of("reserve ann A 1", key)


def lost_with(*entries: Entry) -> Losses:
    losses = Losses()
    for _ in range(LOSSES_MAX):
        losses.note([*entries, *entries], 0.0)
    return losses


def test_one_is_suspected_after_so_many_losses_however_often_its_batch_has_it() -> None:
    losses = Losses()
    batch = [entry("k1"), entry("k2"), entry("k1")]
    assert losses.suspects(batch, 0.0) == []
    for number in range(LOSSES_MAX):
        assert losses.suspects(batch, 0.0) == []
        losses.note([*batch, entry(f"other {number}")], 0.0)
    assert losses.suspects([entry("k0"), *batch, entry("k1", "S2"), entry("other 0")], 0.0) == [1, 2, 3]


def test_one_that_was_decided_is_none_any_more() -> None:
    batch = [entry("k1"), entry("k2"), entry("k3")]
    losses = lost_with(*batch)
    losses.answered(batch, [Late(), Stopped(""), Deferred()])
    assert losses.suspects(batch, 0.0) == [0, 2]


def test_it_is_forgotten_after_a_minute_and_where_there_are_too_many() -> None:
    losses = lost_with(entry("k1"))
    losses.note([entry("k2")], REMEMBERED_S / 2)
    assert losses.suspects([entry("k1")], REMEMBERED_S - 0.1) == [0]
    assert losses.suspects([entry("k1")], REMEMBERED_S) == []
    assert len(losses._lost) == 1
    losses = lost_with(entry("k1"))
    losses.note([entry(f"other {number}") for number in range(LOST_MAX)], 1.0)
    assert losses.suspects([entry("k1")], 1.0) == []
    assert len(losses._lost) == LOST_MAX


def test_what_has_no_key_is_known_by_its_content_and_by_nothing_that_is_a_key() -> None:
    hours = orders.Hours(1, ((2, 3),))
    hold = orders.CountHold("ann", "web", "S1", "", 40, 41, (("A", 1),), ())
    names = [
        name_of(each)
        for each in (
            shop.Acknowledge(((1, 2),)),
            shop.Acknowledge(((1, 2),), ((1, 3),)),
            orders.Bar(7),
            orders.ReportGrant(7, 40, 41, (), ()),
            orders.ReportGrant(7, 50, 41, (), ()),
            hold,
            orders.CountHold("ann", "web", "S1", "", 50, 41, (("A", 1),), ()),
            orders.Commit(7, 1, (("S1", 3),), orders.NO_HOURS),
            orders.Commit(7, 2, (("S1", 3),), orders.NO_HOURS),
        )
    ]
    assert len({*names}) == len(names)
    assert all(name.startswith("\n") and name[1].isupper() for name in names), (
        "of keys a line feed stands before digits"
    )
    again = name_of(orders.Commit(7, 2, (("S1", 3),), hours))
    assert again == names[-1], "its gateway tells the hours anew at each try"
