"""Pages of a running service: through HAProxy, by the process of the pages, to a gateway and back."""

import json
import signal
from contextlib import closing
from http.client import HTTPConnection
from typing import Final
from urllib.parse import urlencode, urlsplit

from holdfast.client import ChannelClient, make_token
from tests.cluster.callers import with_client
from tests.cluster.service import Service
from tests.waiting import until

WAIT_S: Final = 30.0
HTML: Final = {"Accept": "text/html"}


def test_a_device_is_let_in_through_haproxy_and_out_at_once_over_a_kill_of_the_pages(service: Service) -> None:
    url = json.loads((service.data_dir / "service.json").read_bytes())["pages"]
    where, token = urlsplit(url), make_token()
    with_client(service, lambda client: _add(client, token))

    def connection() -> HTTPConnection:
        return HTTPConnection(where.hostname or "", where.port, timeout=WAIT_S)

    def status(method: str, path: str, body: str = "", **headers: str) -> int:
        with closing(connection()) as asking:
            asking.request(method, path, body, HTML | headers)
            with asking.getresponse() as answer:
                return answer.status

    def serves() -> bool:
        try:
            return status("GET", "/health") == 200
        except OSError:  # HAProxy has nobody to pass it to
            return False

    until(serves, within_s=WAIT_S, what="pages")
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": url}
    assert status("POST", "/enter", urlencode({"token": token}), **form) == 303
    own = {"Cookie": f"holdfast-device={token}"}
    assert status("GET", "/", **own) == 200
    [process] = service.processes("serve.pages")
    process.send_signal(signal.SIGKILL)
    process.wait(WAIT_S)
    until(serves, within_s=WAIT_S, what="pages again")
    with closing(connection()) as live:
        live.request("GET", "/live", headers=own)
        with live.getresponse() as stream:
            assert stream.readline() == b"retry: 2000\n"
            with_client(service, _revoke)
            assert status("GET", "/", **own) == 303
            assert b"event: gone\n" in iter(stream.readline, b"")


async def _add(client: ChannelClient, token: str) -> None:
    await client.add_device("S1", "tablet-1", token)


async def _revoke(client: ChannelClient) -> None:
    [device] = await client.list_devices("S1")
    await client.revoke_device(device.device_id)
