"""The whole service over a Redis: what was answered outlives a kill of both; an emptied server is no new service."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.client import ChannelClient
from tests.cluster.callers import Crowd, available, receive, verified, with_client
from tests.cluster.service import START_S, Service
from tests.journal.redis_process import ABSENT, RedisProcess

UNITS = 300


class RedisService(Service):
    """A service with its journals in a server of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.redis = RedisProcess(folder / "redis", "--no-appendfsync-on-rewrite", "yes")
        self.redis.start()
        self.options = ["--journal", f"{self.redis.url}?accept_loss=rewrite"]

    def command(self, store_actors: int = 2) -> list[str]:
        return [*super().command(store_actors), *self.options]

    def refused(self) -> str:
        """Why it does not start."""
        ended = subprocess.run(
            self.command(),
            check=False,
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=START_S,
        )
        assert ended.returncode == 2, ended.stderr
        return ended.stderr


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RedisService]:
    if ABSENT:
        pytest.skip(ABSENT)
    service = RedisService(tmp_path)
    try:
        service.start()
        yield service
    finally:
        service.kill()
        service.redis.stop()


def test_what_was_answered_outlives_the_server_and_the_service(own: RedisService) -> None:
    def server_dies() -> None:
        own.redis.kill()
        own.redis.start()

    def power_cut() -> None:
        own.kill()
        own.redis.kill()
        own.redis.start()
        own.start()

    async def main(client: ChannelClient) -> None:
        await receive(client, "S1", "kept", UNITS)
        crowd = Crowd(own, "S1", "kept")
        for name, strike in (("server", server_dies), ("power", power_cut)):
            keys = [f"{name}-{number}" for number in range(100)]
            await crowd.come(keys, at_once=8, during=lambda strike=strike: asyncio.to_thread(strike))  # type: ignore[misc]
        assert crowd.accepted == 200
        await crowd.ask_again()
        assert await available(client, "S1", "kept") == (UNITS, 200, UNITS - 200)
        loss = (await client.ledger_status("S1")).accepted_loss
        assert loss.endswith("(no-appendfsync-on-rewrite yes)")
        await verified(client, "S1")

    with_client(own, main)
    assert "its settings lose what was answered while the log is rewritten" in own.log.read_text(encoding="utf-8")
    assert own.stop() == []

    own.redis.ask("CONFIG", "SET", "appendfsync", "everysec")
    assert "the setting appendfsync of this" in own.refused()
    own.redis.ask("CONFIG", "SET", "appendfsync", "always")
    own.redis.ask("FLUSHALL")
    assert "is empty, and" in own.refused()
