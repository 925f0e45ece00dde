"""`python -m serve.pages`, or `holdfast pages`: serve the pages of shops' tablets, as a client of the service."""

import argparse
import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

import uvicorn

from actors.telemetry.logs import keep_logs
from holdfast.client import ChannelClient, Timeouts
from serve.pages.application import application
from serve.pages.demo_data import DEMO_VARIABLE, lay_out

CALL_MS: Final = 6_000  # less than browsers wait for a step
CONNECTIONS_MAX: Final = 4_096
KEEP_ALIVE_S: Final = 60
STOP_S: Final = 1  # for requests under way; streams to pages that are open never end by themselves
_PR_SET_PDEATHSIG: Final = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    given = _parser().parse_args(arguments)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="holdfast pages", description=main.__doc__)
    parser.add_argument("--target", required=True, help="host:port of the service.")
    parser.add_argument("--url", default="", help="Where devices find the pages, if that is a proxy's address.")
    parser.add_argument("--host", default="127.0.0.1", help="Address to listen on. TLS is a proxy's.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int, help="Port to listen on.")
    where.add_argument("--socket", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
