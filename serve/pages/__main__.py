"""`python -m serve.pages`, or `holdfast pages`: serve the pages of shops' tablets, as a client of the service."""

import argparse
import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import uvicorn

from actors.telemetry.logs import keep_logs
from holdfast.client import ChannelClient, Timeouts
from serve.pages.application import application
from serve.pages.demo_data import DEMO_VARIABLE, lay_out

CALL_MS: Final = 6_000  # less than browsers wait for a step
CONNECTIONS_MAX: Final = 4_096
KEEP_ALIVE_S: Final = 60
PORT_MAX: Final = 65_535
STOP_S: Final = 1  # for requests under way; streams to pages that are open never end by themselves
_PR_SET_PDEATHSIG: Final = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    given = _given(arguments)
    if given.socket:  # beside a service, whose end must be its end, however that comes
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == 1:
            return 0
    keep_logs("pages")
    asyncio.run(_serve(given, os.environ.pop(DEMO_VARIABLE, "")))
    return 0


async def _serve(given: argparse.Namespace, demo_token: str) -> None:
    async with ChannelClient(given.target, timeouts=Timeouts(call_ms=CALL_MS)) as client:
        config = uvicorn.Config(
            application(client, given.url or f"http://{given.host}:{given.port}"),
            **({"uds": given.socket} if given.socket else {"host": given.host, "port": given.port}),
            http="h11",  # httptools keeps headers without end: 119 MB of one request of 114
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_S,
        )
        playing = asyncio.create_task(lay_out(client, demo_token)) if demo_token else None
        await uvicorn.Server(config).serve()
        if playing is not None:
            playing.cancel()


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    given = parser.parse_args(arguments)
    is_here = given.socket or given.host == "localhost" or ip_address(given.host).is_loopback
    if not (is_here or given.insecure or (given.url or "").startswith("https://")):
        parser.error(
            f"tokens of devices would be readable on the way to {given.host}; give --url https://... of a proxy that "
            "ends TLS, or --insecure if nobody else reaches that address"
        )
    return given


def _url(text: str) -> str:
    parts = urlsplit(text)
    more = parts.path.strip("/") + parts.query + parts.fragment
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or more:
        raise argparse.ArgumentTypeError(f"{text!r} is not https://HOST or https://HOST:PORT; leave a path out")
    return text.rstrip("/")


def _host(text: str) -> str:
    try:
        return text if text == "localhost" else str(ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no address of this machine, such as 127.0.0.1") from None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write 1 to {PORT_MAX}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="holdfast pages", description=main.__doc__)
    parser.add_argument("--target", required=True, help="host:port of the service.")
    parser.add_argument("--url", type=_url, help="Where devices find the pages, if that is a proxy's address.")
    parser.add_argument("--host", type=_host, default="127.0.0.1", help="Address to listen on. TLS is a proxy's.")
    parser.add_argument(
        "--insecure", action="store_true", help="Serve without TLS though others may reach the address."
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=_port, help="Port to listen on.")
    where.add_argument("--socket", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
