"""What the service says of its own ledgers counts in the verdict about orders."""

from dataclasses import replace
from typing import Final

import pytest

from bench.demo.feed import Findings
from bench.demo.orders import examine_audits
from holdfast.client import Discrepancy, OrdersVerification, Verification

AGREE: Final = OrdersVerification(True, (), 2, 1, 0, ())
VERIFIED: Final = Verification("customers/0007", 9, True, (), 9, 2, 0, 0, 0, "")
APART: Final = (Discrepancy("I22", "S1:7", "order 0007/2 knows it", "it does not"),)


@pytest.mark.parametrize(
    ("agreement", "ledger", "disagreeing"),
    [
        (AGREE, VERIFIED, 0),
        (replace(AGREE, holds=False, discrepancies=APART), VERIFIED, 1),
        (replace(AGREE, left_out=("customers/0003",)), VERIFIED, 1),
        (replace(AGREE, parts=0, orders=0), VERIFIED, 1),
        (AGREE, replace(VERIFIED, holds=False), 1),
    ],
)
def test_what_the_service_says_of_itself_counts(
    agreement: OrdersVerification, ledger: Verification, disagreeing: int
) -> None:
    found = Findings()
    examine_audits(found, agreement, [VERIFIED, ledger])
    assert found["disagreeing"] == len(found.sentences) == disagreeing


def test_a_limit_that_the_audit_of_customers_finds_exceeded_counts() -> None:
    found = Findings()
    over = Discrepancy("I15", "version 7", "at most 0 for ann", "UNITS_LIMIT was due")
    examine_audits(found, AGREE, [replace(VERIFIED, holds=False, discrepancies=(over,))])
    assert (found["limit_exceeded"], found["disagreeing"]) == (1, 1)


def test_a_slot_that_the_audit_of_a_shop_finds_over_its_places_counts() -> None:
    found = Findings()
    over = Discrepancy("I2", "the slot of 1000000", "at most 3 places", "4 taken")
    oversold = Discrepancy("I2", "apple at version 7", "at most 3 reserved", "4 reserved")
    examine_audits(found, AGREE, [VERIFIED], [replace(VERIFIED, holds=False, discrepancies=(over, oversold))])
    assert found["slots_over_capacity"] == 1
