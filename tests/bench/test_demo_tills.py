"""The demo's till that is cut off, against a service of this process."""

import asyncio
from pathlib import Path

from bench.demo.tills import GIVEN, HAND_OUTS, RECEIVED, SALES, sell_cut_off
from holdfast.client import ChannelClient
from tests.clients.service import Service
from tests.clients.serving import serving


def test_a_till_cut_off_and_the_web_sell_all_there_is_and_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        with Service(tmp_path / "chain") as service:
            async with serving(service) as target, ChannelClient(target) as client:
                came = await sell_cut_off(client, target, tmp_path)
        assert (came.sold, came.handed_out, came.returned) == (SALES, HAND_OUTS, GIVEN - SALES)
        assert came.online_accepted == RECEIVED - SALES - HAND_OUTS
        assert (came.oversold, came.conflicts, came.holds, came.is_right) == (0, 0, True, True)

    (tmp_path / "chain").mkdir()
    asyncio.run(main())
