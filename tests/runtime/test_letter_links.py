"""Links to customers' pages in letters."""

import pytest

from actors.core.pickup_keys import PickupKey
from actors.core.pickup_links import read_token
from actors.delivery.links import Links
from actors.delivery.wording import TemplateWords
from actors.notices.occasion import Occasion
from tests.runtime.test_delivery import notice


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("occasion", Occasion)
def test_a_letter_has_a_link_to_the_page_of_its_pickup(occasion: Occasion, language: str) -> None:
    links, key = Links("https://shop.example", lambda: 5), PickupKey(3, "0f" * 32, 1)
    words = TemplateWords("", "de", "UTC", {}, links)
    before = links.is_awaited
    links.learn(key)
    assert (before, links.is_awaited) == (True, False), "no letter goes without it"
    [line] = [each for each in words.of(notice(occasion), "Ann", language).text.splitlines() if "shop.example" in each]
    token = line.removeprefix("https://shop.example/p/").removesuffix("/receipt")
    found = read_token(token, (key,), 6)
    assert found is not None
    assert (found.store_id, found.number) == ("S1", 7)
    assert line.endswith("/receipt") == (occasion in (Occasion.RECEIPT, Occasion.REFUND))


def test_without_pages_no_key_is_awaited_or_kept() -> None:
    links = Links("", lambda: 5)
    links.learn(PickupKey(3, "0f" * 32, 1))
    assert (links.is_awaited, links.of("S1", 7, "ann")) == (False, "")
