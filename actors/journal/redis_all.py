"""What the journals of all actors in one Redis have together: their names, their stamp, and who uses them."""

import json
from collections.abc import Collection
from contextlib import closing

from actors.journal.port import JournalFailed
from actors.journal.redis_server import ACTORS, CLIENT, PATIENCE_S, STAMP, RedisServer
from actors.journal.stamp import Stamp


class AllOfRedis:
    """By the server's URL; each call has a connection of its own. `accepted` is as for a RedisJournal. Raises
    JournalFailed also where the server's settings are too weak.
    """

    def __init__(self, url: str, accepted: Collection[str]) -> None:
        self._url = url
        self._accepted = accepted

    def names(self) -> list[str]:
        """The names of the actors that have a journal there, sorted."""
        with closing(self._server()) as server:
            return sorted(each.decode() for each in server.ask("SMEMBERS", ACTORS))

    def stamp(self) -> Stamp | None:
        """None where there is none. Raises JournalDamaged."""
        with closing(self._server()) as server:
            found_id, was = server.ask("HMGET", STAMP, "id", "was")
            if not found_id:
                return None
            encoded = b'{"id": %b, "was": %b}' % (json.dumps(found_id.decode()).encode(), was or b"[]")
            return Stamp.decoded(encoded, server.place)

    def put_stamp(self, stamp: Stamp) -> None:
        with closing(self._server()) as server:
            server.ask("HSET", STAMP, "id", stamp.id, "was", json.dumps(stamp.was))

    def users(self) -> list[str]:
        """The names of the actors whose journals are open now."""
        with closing(self._server()) as server:
            lines = server.ask("CLIENT", "LIST").decode().splitlines()
        clients = [dict(word.partition("=")[::2] for word in line.split()) for line in lines]
        names = {client["name"].removeprefix(CLIENT) for client in clients if client["name"].startswith(CLIENT)}
        return sorted(names - {""})

    def _server(self) -> RedisServer:
        server = RedisServer(self._url, CLIENT, self._accepted, PATIENCE_S)
        try:
            server.prove()
        except JournalFailed:
            server.close()
            raise
        return server
