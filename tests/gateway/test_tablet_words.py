"""What a tablet says of refusals: in the words of its reader, whichever reason there is."""

from pathlib import Path

from holdfast.client import Reason
from serve.pages.rendering import read_messages
from tests.gateway.browser import Site, visit
from tests.gateway.test_tablet import short_of

# Of steps that a tablet has, beside those of tasks.
OF_STEPS = {
    *(Reason.IDEMPOTENCY_KEY_REUSED, Reason.RESERVATION_EXPIRED, Reason.TRANSITION_NOT_ALLOWED, Reason.TTL_TOO_LONG),
    *(Reason.OPEN_RESERVATIONS_LIMIT, Reason.UNITS_LIMIT, Reason.SKU_NOT_STOCKED, Reason.INSUFFICIENT_STOCK),
    *(Reason.PART_OF_ORDER, Reason.GIVEN_TO_TILL, Reason.LINE_NOT_OFFERED, Reason.LINE_FULL, Reason.IN_LINE_ALREADY),
    *(Reason.SHORTFALL_NOT_FOUND, Reason.SHORTFALL_RESOLVED, Reason.AWAITS_TRANSFER, Reason.STORE_NOT_ACCEPTING),
    *(Reason.RESERVATION_NOT_FOUND, Reason.SUBSTITUTE_NOT_ALLOWED),
    *(each for each in Reason if each.name.startswith(("PICK_", "PICKED_", "ARTICLE_"))),
}
STATUSES = ("STORE_UNKNOWN", "OVERLOADED", "INVALID_FIELDS", "PRODUCT_NOT_FOUND", "ORDER_NOT_FOUND")


def test_each_reason_of_a_step_has_a_text_in_each_language() -> None:
    wanted = {f"no_{each}" for each in (*(reason.name for reason in OF_STEPS), *STATUSES)}
    for language, texts in read_messages().items():
        assert not wanted - texts.keys(), language


def test_a_shop_that_there_is_not_and_a_time_that_is_too_long_are_said_in_german(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, tablet = await site.order(a=3), await site.admitted()
        await tablet.post("/language", {"language": "de"})
        await tablet.tap(await tablet.get("/"), "claim")
        for choice, typed, said in (
            ("ELSEWHERE", {"to_store": "s9"}, "Diese Filiale gibt es nicht."),
            ("LATER", {"minutes": "43200"}, "So lange heben wir es nicht auf."),
        ):
            form = await short_of(tablet, mine, choice)
            told = await tablet.post("/step", form | {"step": "short", "quantity": "1", **typed})
            assert (told.status, said in told.text) == (409, True), told.text

    visit(tmp_path, use)
