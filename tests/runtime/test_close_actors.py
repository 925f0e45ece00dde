"""How a service ends its actors, without Ray: handles that do as the test says."""

import pytest
import ray
from ray.exceptions import RayTaskError

from actors.ray_actors import NAMESPACE, WATCHDOG, close_actors


def test_an_actor_that_fails_to_close_does_not_keep_the_others_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    class Closing:
        """A handle by its name."""

        def __init__(self, name: str, **_: object) -> None:
            self.name = name
            self.close = self

        def remote(self) -> str:
            return self.name

    def get(name: str, **_: object) -> None:
        if name == "a":
            raise RayTaskError("close", "", ZeroDivisionError())

    actors = [{"name": name, "namespace": NAMESPACE} for name in "ab"]
    actors.append({"name": "w", "namespace": WATCHDOG})
    monkeypatch.setattr(ray.util, "list_named_actors", lambda **_: actors)
    monkeypatch.setattr(ray, "get_actor", Closing)
    monkeypatch.setattr(ray, "get", get)
    monkeypatch.setattr(ray, "kill", lambda handle: ended.append(handle.name))
    close_actors(lambda _: None)
    assert ended == ["w", "b"]
