"""Steps of an order as a whole, what its shops say of their parts, and how it ends."""

import pytest

from tests.orders.scenario import play

PAGES = {
    "steps and what they need": """
        at          | said                           | answer                                   | events
        0:00        | confirm #1                     | RESERVATION_NOT_FOUND #1                 | Refused
        0:00        | open ann S1 A 2 for 1h         | #2 OPEN S1.1? A 2                        | Opened
        0:00        | confirm #2                     | ORDER_UNDECIDED #2                       |
        0:00        | commit #2.1 S1 11              | #2 HELD S1.1* A 2 until 1:00             | Committed
        0:01        | extend #2 for 8d               | TTL_TOO_LONG 691200000 of 604800000      | Refused
        0:01        | confirm #2 within 8d           | TTL_TOO_LONG 691200000 of 604800000      | Refused
        0:01        | extend #2 for 3h               | #2 HELD S1.1* A 2 until 3:01             | Extended
        0:02        | confirm #2 within 1d           | #2 CONFIRMED S1.1* A 2 until 1d0:02      | Confirmed
        0:03        | confirm #2                     | TRANSITION_NOT_ALLOWED #2 CONFIRMED      | Refused
        0:04        | extend #2 for 2h               | #2 CONFIRMED S1.1* A 2 until 2:04        | Extended
        2:03:59.999 | extend #2 for 1h               | #2 CONFIRMED S1.1* A 2 until 3:03:59.999 | Extended
        3:03:59.998 | wait                           |                                          |
        3:03:59.999 | release #2                     | RESERVATION_EXPIRED #2 EXPIRED           | Expired, Refused
        3:04        | extend #2 for 1h               | RESERVATION_EXPIRED #2 EXPIRED           | Refused
        3:05        | report #2 S1.1 at 5 v9 EXPIRED | #2 EXPIRED S1.1                          | Reported, Settled
    """,
    "a hold expires at its deadline and is given back by its shops": """
        at          | said                            | answer                                   | events
        0:00        | open ann S1 A 2 / S2 B 1 for 1h | #1 OPEN S1.1? A 2 / S2.1? B 1            | Opened
        0:00        | commit #1.1 S1 11, S2 12        | #1 HELD S1.1* A 2 / S2.1* B 1 until 1:00 | Committed
        0:01        | report #1 S1.1 at 1 v5 HELD A 2 | #1 HELD S1.1 A 2 / S2.1* B 1 until 1:00  | Reported
        0:59:59.999 | wait                            |                                          |
        1:00        | wait                            |                                          | Expired
        1:00        | report #1 S1.1 at 2 v6 EXPIRED  | #1 EXPIRED S1.1 / S2.1* B 1              | Reported
        1:00        | report #1 S2.1 at 2 v6 EXPIRED  | #1 EXPIRED S1.1 / S2.1                   | Reported, Settled
        1:01        | report #1 S2.1 at 2 v6 EXPIRED  | none                                     |
        1:01        | confirm #1                      | RESERVATION_EXPIRED #1 EXPIRED           | Refused
    """,
    "released with a reason, and shops hear of it late, twice and out of turn": """
        at   | said                            | answer                                   | events
        0:00 | open ann S1 A 2 / S2 B 1        | #1 OPEN S1.1? A 2 / S2.1? B 1            | Opened
        0:00 | commit #1.1 S1 11, S2 12        | #1 HELD S1.1* A 2 / S2.1* B 1 until 2:00 | Committed
        0:01 | release #1 because FRAUD        | #1 RELEASED S1.1* A 2 / S2.1* B 1 FRAUD  | Released
        0:02 | report #1 S1.1 at 1 v5 HELD A 2 | #1 RELEASED S1.1* A 2 / S2.1* B 1 FRAUD  | Reported
        0:02 | report #1 S2.1 at 2 none        | #1 RELEASED S1.1* A 2 / S2.1 FRAUD       | Reported
        0:02 | report #1 S1.1 at 1 v5 HELD A 2 | #1 RELEASED S1.1* A 2 / S2.1 FRAUD       |
        0:02 | report #1 S9.1 at 2 none        | #1 RELEASED S1.1* A 2 / S2.1 FRAUD       |
        0:03 | report #1 S1.1 at 2 v6 RELEASED | #1 RELEASED S1.1 / S2.1 FRAUD            | Reported, Settled
        0:04 | report #1 S1.1 at 2 v6 RELEASED | none                                     |
    """,
    "given back in the shop: over where nothing is left": """
        at   | said                            | answer                                   | events
        0:00 | open ann S1 A 2 / S2 B 1        | #1 OPEN S1.1? A 2 / S2.1? B 1            | Opened
        0:00 | commit #1.1 S1 11, S2 12        | #1 HELD S1.1* A 2 / S2.1* B 1 until 2:00 | Committed
        0:01 | report #1 S1.1 at 1 v5 HELD A 1 | #1 HELD S1.1 A 1 / S2.1* B 1 until 2:00  | Reported
        0:02 | report #1 S1.1 at 0 v6 RELEASED | #1 HELD S1.1 / S2.1* B 1 until 2:00      | Reported
        0:03 | report #1 S2.1 at 0 v6 RELEASED | #1 RELEASED S1.1 / S2.1                  | Reported, Settled
        0:04 | confirm #1                      | TRANSITION_NOT_ALLOWED #1 RELEASED       | Refused
    """,
    "what is over in a shop never changes": """
        at   | said                            | answer                                   | events
        0:00 | open ann S1 A 2 / S2 B 1        | #1 OPEN S1.1? A 2 / S2.1? B 1            | Opened
        0:00 | commit #1.1 S1 11, S2 12        | #1 HELD S1.1* A 2 / S2.1* B 1 until 2:00 | Committed
        0:01 | report #1 S1.1 at 1 none        | #1 HELD S1.1 / S2.1* B 1 until 2:00      | Reported
        0:02 | report #1 S2.1 at 0 v6 RELEASED | #1 RELEASED S1.1 / S2.1                  | Reported, Settled
        0:03 | report #1 S1.1 at 1 v9 HELD A 2 | none                                     |
        0:03 | report #1 S2.1 at 1 v9 HELD B 1 | none                                     |
    """,
    "a slot that was promised is not lost to a deadline before it": """
        at   | said                           | answer                                            | events
        0:00 | open ann S1 A 2 slot 5d9:00    | #1 OPEN S1.1? A 2                                 | Opened
        0:00 | commit #1.1 S1 11              | #1 HELD S1.1* A 2 until 2:00                      | Committed
        0:01 | extend #1 for 1h               | #1 HELD S1.1* A 2 until 1:01                      | Extended
        0:01 | confirm #1 until 5d10:00       | #1 CONFIRMED S1.1* A 2 until 5d10:00              | Confirmed
        0:02 | extend #1 for 1h               | #1 CONFIRMED S1.1* A 2 until 5d9:00               | Extended
        0:03 | amend #1 S1 A 2 slot 6d9:00    | #1 CONFIRMED S1.1* A 2 / S1.2? A 2 until 5d9:00   | AmendOpened
        0:03 | commit #1.2 S1 12 until 6d9:30 | #1 CONFIRMED (S1.1* A 2) / S1.2* A 2 until 6d9:30 | Committed
    """,
    "a deadline does not fall while a shop is closed": """
        at   | said                                            | answer                                             | events
        0:00 | open ann S1 A 2                                 | #1 OPEN S1.1? A 2                                  | Opened
        0:00 | commit #1.1 S1 11 hours 9:00-17:00              | #1 HELD S1.1* A 2 until 2:00                       | Committed
        0:00 | extend #1 for 3h hours 9:00-17:00               | #1 HELD S1.1* A 2 until 3:00                       | Extended
        0:00 | k: confirm #1 within 3h hours 9:00-17:00        | #1 CONFIRMED S1.1* A 2 until 17:00                 | Confirmed
        0:01 | k: confirm #1 within 3h                         | #1 CONFIRMED S1.1* A 2 until 17:00 (again)         |
        0:01 | l: extend #1 for 10h hours 9:00-17:00           | #1 CONFIRMED S1.1* A 2 until 10:01                 | Extended
        0:02 | l: extend #1 for 10h hours 8:00-9:00            | #1 CONFIRMED S1.1* A 2 until 10:01 (again)         |
        0:02 | l: extend #1 for 11h hours 9:00-17:00           | IDEMPOTENCY_KEY_REUSED (again)                     |
        0:02 | extend #1 for 18h hours 9:00-17:00,33:00-41:00  | #1 CONFIRMED S1.1* A 2 until 1d17:00               | Extended
        0:02 | extend #1 for 3h hours 9:00-17:00 until 18:00   | #1 CONFIRMED S1.1* A 2 until 18:00                 | Extended
        0:03 | amend #1 S2 A 1 / S1 A 1 for 4h                 | #1 CONFIRMED S1.1* A 2 / S2.2? A 1 until 18:00     | AmendOpened
        0:03 | commit #1.2 S2 12 hours 10:00-16:00,34:00-40:00 | #1 CONFIRMED S1.1* A 2 / S2.2* A 1 until 16:00     | Committed
        0:04 | amend #1 S2 for 8d                              | TTL_TOO_LONG 691200000 of 604800000                | Refused
        0:04 | amend #1 S2 for 20h                             | #1 CONFIRMED S1.1* A 2 / S2.2* A 1 until 16:00     | AmendOpened
        0:04 | commit #1.3 hours 10:00-16:00,34:00-40:00       | #1 CONFIRMED S1.1* A 2 / (S2.2* A 1) until 1d16:00 | Committed
    """,  # noqa: E501 a row is one line
    "a step in all shops goes to those that it went to at first": """
        at   | said              | answer                                   | events
        0:00 | fan_out #1        | RESERVATION_NOT_FOUND #1                 | Refused
        0:00 | open ann S1 A 2   | #2 OPEN S1.1? A 2                        | Opened
        0:00 | fan_out #2        | ORDER_UNDECIDED #2                       |
        0:00 | commit #2.1 S1 11 | #2 HELD S1.1* A 2 until 2:00             | Committed
        0:01 | k: fan_out #2     | #2 HELD S1.1* A 2 until 2:00             | FannedOut
        0:02 | amend #2 S2 A 1   | #2 HELD S1.1* A 2 / S2.2? A 1 until 2:00 | AmendOpened
        0:02 | commit #2.2 S2 12 | #2 HELD S1.1* A 2 / S2.2* A 1 until 2:00 | Committed
        0:03 | k: fan_out #2     | #2 HELD S1.1* A 2 until 2:00 (again)     |
        0:03 | k: confirm #2     | IDEMPOTENCY_KEY_REUSED (again)           |
        0:03 | fan_out #2        | #2 HELD S1.1* A 2 / S2.2* A 1 until 2:00 | FannedOut
        0:04 | amend #2 S1 / S2  | #2 RELEASED (S1.1* A 2) / (S2.2* A 1)    | AmendOpened, Committed
        0:05 | fan_out #2        | TRANSITION_NOT_ALLOWED #2 RELEASED       | Refused
        0:05 | k: fan_out #2     | #2 HELD S1.1* A 2 until 2:00 (again)     |
    """,
    "settled orders are forgotten once neither a repeat nor a limit can ask": """
        at      | said                            | answer                             | events
        0:00    | k: open ann S1 A 2              | #1 OPEN S1.1? A 2                  | Opened
        0:00    | commit #1.1 S1 11               | #1 HELD S1.1* A 2 until 2:00       | Committed
        0:01    | release #1                      | #1 RELEASED S1.1* A 2 OTHER        | Released
        0:01    | report #1 S1.1 at 2 v6 RELEASED | #1 RELEASED S1.1 OTHER             | Reported, Settled
        8d23:59 | open bob S1 A 1                 | #6 OPEN S1.1? A 1                  | Opened
        8d23:59 | confirm #1                      | TRANSITION_NOT_ALLOWED #1 RELEASED | Refused
        10d0:00 | open bob S1 A 1                 | #9 OPEN S1.1? A 1                  | Abandoned, Opened
        10d0:00 | confirm #1                      | RESERVATION_NOT_FOUND #1           | Refused
        10d0:00 | k: open ann S1 A 2              | #11 OPEN S1.1? A 2                 | Opened
    """,
    "a step in all shops of an order that is over is answered as it is, and nothing remembered": """
        at      | said                            | answer                       | events
        0:00    | open ann S1 A 2                 | #1 OPEN S1.1? A 2            | Opened
        0:00    | commit #1.1 S1 11               | #1 HELD S1.1* A 2 until 2:00 | Committed
        0:01    | report #1 S1.1 at 1 v6 RELEASED | #1 RELEASED S1.1             | Reported, Settled
        10d0:00 | k: fan_out #1                   | #1 RELEASED S1.1             |
        10d0:00 | k: fan_out #1                   | #1 RELEASED S1.1             |
        10d0:00 | refuse bob SLOT_FULL            | SLOT_FULL                    | Refused
        10d0:00 | fan_out #1                      | RESERVATION_NOT_FOUND #1     | Refused
    """,
    "whatever an order answered, it answers again when it is over": """
        at      | said                                      | answer
        0:00    | k: open ann S1 A 2 basket b               | #1 OPEN S1.1? A 2
        0:00    | commit #1.1 S1 11                         | #1 HELD S1.1* A 2 until 2:00
        0:01    | l: open ann S1 A 1 basket b               | #1 HELD S1.1* A 2 until 2:01
        0:03    | e: extend #1 for 3h                       | #1 HELD S1.1* A 2 until 3:03
        0:04    | c: confirm #1                             | #1 CONFIRMED S1.1* A 2 until 2d0:04
        0:05    | f: fan_out #1                             | #1 CONFIRMED S1.1* A 2 until 2d0:04
        0:05    | report #1 S1.1 at 4 v6 COLLECTED sold A 1 | #1 COLLECTED S1.1 sold A 1
        0:06    | restart                                   |
        0:06    | k: open ann S1 A 2 basket b               | #1 HELD S1.1* A 2 until 2:00 (again)
        0:06    | e: extend #1 for 3h                       | #1 HELD S1.1* A 2 until 3:03 (again)
        8d23:59 | c: confirm #1                             | #1 CONFIRMED S1.1* A 2 until 2d0:04 (again)
        8d23:59 | f: fan_out #1                             | #1 CONFIRMED S1.1* A 2 until 2d0:04 (again)
        8d23:59 | c: confirm #1 within 1h                   | IDEMPOTENCY_KEY_REUSED (again)
        8d23:59 | l: open ann S1 A 1 basket b               | #1 HELD S1.1* A 2 until 2:01 (again)
        8d23:59 | k: open ann S1 A 3 basket b               | IDEMPOTENCY_KEY_REUSED (again)
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)
