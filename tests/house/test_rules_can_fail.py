"""Each rule is shown a small bad sample and must object, and a good one beside it and must not."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.house import conduct, layers, shape
from tests.house.sources import Rule, Source, parse

LONG_FILE: Final = "x = 1\n" * (shape.FILE_LINES_MAX + 1)
LONG_FUNCTION: Final = "def f():\n" + "    x = 1\n" * shape.FUNCTION_LINES_MAX
SHORT_FUNCTION: Final = "def f():\n" + "    x = 1\n" * (shape.FUNCTION_LINES_MAX - 1)
LEFTOVER: Final = "TO" + "DO"

CORE = "actors/shop/decide.py"
HOST = "actors/runtime/ledger_host.py"
COMMITS = "actors/runtime/group_commit.py"
TEST = "tests/host/test_host.py"

# rule, path, a sample that breaks it, one that does not
SAMPLES: Final[list[tuple[Rule, str, str, str]]] = [
    # Layers.
    (
        layers.imports_point_down,
        CORE,
        "from actors.journal.port import Journal",
        "from actors.shop.events import Held",
    ),
    (layers.imports_point_down, CORE, "import actors.runtime.ledger_host", "import actors.shop.state"),
    (layers.imports_point_down, CORE, "from actors import clock", "from actors.shop import ids"),
    (layers.imports_point_down, CORE, "import time", "import math"),
    (layers.imports_point_down, CORE, "import random", "import enum"),
    (layers.imports_point_down, CORE, "import uuid", "import heapq"),
    (layers.imports_point_down, CORE, "import asyncio", "import collections.abc"),
    (layers.imports_point_down, CORE, "import logging", "import typing"),
    (layers.imports_point_down, CORE, "from os import path", "from dataclasses import dataclass"),
    (layers.imports_point_down, CORE, "import threading", "import itertools"),
    (layers.imports_point_down, CORE, "import numpy", "import hashlib"),
    (layers.imports_point_down, CORE, "from .events import Held", "from actors.shop.events import Held"),
    (layers.imports_point_down, "actors/__init__.py", "import actors.runtime.ledger_host", ""),
    (
        layers.imports_point_down,
        "actors/journal/sqlite.py",
        "import actors.runtime.ledger_host",
        "import actors.core.policy",
    ),
    (layers.imports_point_down, "actors/core/policy.py", "import serve.routing.batcher", "import actors.core.status"),
    (layers.imports_point_down, HOST, "import actors.store_actor", "import actors.journal.port"),
    (layers.imports_point_down, "actors/store_actor.py", "import actors.ray_actors", "import actors.runtime.clock"),
    (layers.imports_point_down, "serve/routing/router.py", "import serve.gateway", "import actors.protocol.actors"),
    (layers.imports_point_down, "actors/ray_actors.py", "import serve.config.settings", "import actors.store_actor"),
    (layers.imports_point_down, "actors/elsewhere.py", "x = 1", ""),
    (layers.imports_point_down, "serve/gateway.py", "import serve.app", "import serve.routing.router"),
    (layers.imports_point_down, "serve/gateway.py", "import holdfast.client.channel", "import serve.wire.rules"),
    (layers.imports_point_down, "serve/gateway.py", "import actors.elsewhere", "import actors.runtime.clock"),
    (layers.imports_point_down, "serve/sourcing/plan.py", "import holdfast.v1.store_pb2", "import actors.shop.ids"),
    (
        layers.imports_point_down,
        "clients/holdfast/client/channel.py",
        "import actors.shop.ids",
        "import holdfast.v1.store_pb2",
    ),
    (
        layers.imports_point_down,
        "clients/holdfast/client/cli.py",
        "from serve import app",
        "from holdfast.client import channel",
    ),
    (
        layers.imports_point_down,
        "serve/routing/batcher.py",
        "import serve.coordination.reconciler",
        "import actors.core.chain",
    ),
    (layers.libraries_have_owners, "serve/routing/router.py", "import ray", "import asyncio"),
    (layers.libraries_have_owners, "actors/ray_actors.py", "import ray.serve", "import ray"),
    (
        layers.libraries_have_owners,
        "actors/ray_actors.py",
        "from ray import serve",
        "from ray.actor import ActorHandle",
    ),
    (layers.libraries_have_owners, "serve/gateway.py", "import ray.serve", "import grpc"),
    (layers.libraries_have_owners, "serve/app.py", "import ray", "import ray.serve"),
    (layers.libraries_have_owners, "clients/holdfast/client/cli.py", "import ray", "import typer"),
    (layers.libraries_have_owners, "actors/journal/redis_server.py", "import sqlite3", "import redis.asyncio"),
    (layers.libraries_have_owners, "actors/journal/sqlite.py", "from redis import asyncio", "import zlib"),
    (layers.libraries_have_owners, HOST, "import grpc.aio", "import time"),
    (layers.libraries_have_owners, HOST, "from google.protobuf import message", "import orjson"),
    (layers.libraries_have_owners, HOST, "import pydantic", "import structlog"),
    (layers.libraries_have_owners, "serve/app.py", "import rich.table", "import pydantic_settings"),
    # Shape.
    (shape.names_say_something, "actors/utils.py", "", ""),
    (shape.names_say_something, "clients/retry_helper.py", "", ""),
    (shape.names_say_something, "serve/common/table.py", "", ""),
    (shape.names_say_something, "actors/base.py", "", ""),
    (shape.names_say_something, "actors/managers.py", "", ""),
    (shape.files_are_short, HOST, LONG_FILE, "x = 1\n"),
    (shape.functions_are_short, HOST, LONG_FUNCTION, SHORT_FUNCTION),
    (shape.functions_are_short, HOST, f"async {LONG_FUNCTION}", f"async {SHORT_FUNCTION}"),
    (shape.imports_come_first, HOST, "def f():\n    import math", "import math"),
    (shape.imports_come_first, HOST, "async def f():\n    if x:\n        from a import b", "if x:\n    import math"),
    (shape.nothing_left_over, HOST, f"x = 1  # {LEFTOVER}: later", "x = 1  # later"),
    (shape.nothing_left_over, HOST, f'"""{LEFTOVER} later."""', f"{LEFTOVER.lower()} = 1"),
    # Conduct.
    (conduct.core_is_pure, CORE, "async def f(): pass", "def f(): pass"),
    (conduct.core_is_pure, CORE, "def f():\n    global x\n    x = 1", "def f(x): x = 1"),
    (conduct.core_is_pure, CORE, "open('a')", "sorted('a')"),
    (conduct.core_is_pure, CORE, "print(1)", "repr(1)"),
    (conduct.core_is_pure, CORE, "x = hash('a')", "x = len('a')"),
    (conduct.one_clock, HOST, "import time\nx = time.time()", "import time\nx = time.monotonic()"),
    (conduct.one_clock, HOST, "import time\nnow = time.time_ns", "now = clock.now_ms"),
    (conduct.one_clock, HOST, "from time import time", "from time import monotonic"),
    (
        conduct.one_clock,
        "serve/gateway.py",
        "import datetime\ndatetime.datetime.now()",
        "import datetime\ndatetime.UTC",
    ),
    (
        conduct.hash_is_not_stable,
        "actors/protocol/placement.py",
        "x = hash('a') % 8",
        "def __hash__(self): return hash(self.a)",
    ),
    (conduct.errors_are_not_swallowed, COMMITS, "try: f()\nexcept: pass", "try: f()\nexcept KeyError: pass"),
    (conduct.errors_are_not_swallowed, COMMITS, "try: f()\nexcept Exception: pass", "try: f()\nexcept OSError: pass"),
    (
        conduct.errors_are_not_swallowed,
        COMMITS,
        "try: f()\nexcept (OSError, BaseException) as error: log(error)",
        "try: f()\nexcept BaseException:\n    undo()\n    raise",
    ),
    (conduct.everything_has_a_limit, HOST, "q = asyncio.Queue()", "q = asyncio.Queue(QUEUE_MAX)"),
    (conduct.everything_has_a_limit, HOST, "q = queue.Queue(maxsize=0)", "q = queue.Queue(maxsize=QUEUE_MAX)"),
    (conduct.everything_has_a_limit, HOST, "from functools import cache", "from functools import lru_cache"),
    (conduct.everything_has_a_limit, HOST, "@functools.cache\ndef f(): ...", "@functools.partial\ndef f(): ..."),
    (
        conduct.everything_has_a_limit,
        HOST,
        "@lru_cache(maxsize=None)\ndef f(): ...",
        "@lru_cache(maxsize=9)\ndef f(): ...",
    ),
    (
        conduct.tests_compare_no_times,
        TEST,
        "async def f():\n    began = loop.time()\n    assert loop.time() - began < 10",
        "async def f():\n    until = loop.time() + 10\n    assert until",
    ),
    (conduct.tests_do_not_sleep, TEST, "import time\ntime.sleep(1)", "import time\ntime.monotonic()"),
    (
        conduct.tests_compare_no_times,
        TEST,
        "async def f():\n    began = loop.time()\n    assert loop.time() - began < 10",
        "async def f():\n    until = loop.time() + 10\n    assert until",
    ),
    (conduct.tests_do_not_sleep, TEST, "from time import sleep", "from time import monotonic"),
    (
        conduct.tests_compare_no_times,
        TEST,
        "from time import process_time\ndef f():\n    began = process_time()\n    assert process_time() - began < 1",
        "from time import process_time\ndef f():\n    began = process_time()\n    print(process_time() - began)",
    ),
    (
        conduct.tests_compare_no_times,
        TEST,
        "import time\ndef f():\n    began = time.monotonic()\n    took = time.monotonic() - began\n    assert took < 2",
        "import time\ndef f():\n    deadline = time.monotonic() + 2\n    assert deadline_of(1) < 2",
    ),
    (
        conduct.tests_compare_no_times,
        TEST,
        "from time import perf_counter\ndef seconds():\n    return perf_counter()",
        "from time import perf_counter\ndef seconds():\n    perf_counter()\n    return 1",
    ),
    (
        conduct.tests_compare_no_times,
        TEST,
        "async def f():\n    began = loop.time()\n    assert loop.time() - began < 10",
        "async def f():\n    until = loop.time() + 10\n    assert until",
    ),
    (conduct.tests_do_not_sleep, TEST, "await_(asyncio.sleep(0.1))", "await_(asyncio.sleep(0))"),
    (conduct.nothing_is_mocked, TEST, "from unittest.mock import Mock", "from unittest import TestCase"),
    (conduct.nothing_is_mocked, TEST, "from unittest import mock", "import unittest"),
    (
        conduct.nothing_is_mocked,
        TEST,
        "monkeypatch.setattr('actors.runtime.ledger_host.LedgerHost.step', f)",
        "monkeypatch.setattr('os.fsync', f)",
    ),
]


def _label(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("rule", "path", "bad"), [(rule, path, bad) for rule, path, bad, _ in SAMPLES], ids=_label)
def test_a_rule_objects_to_a_bad_sample(rule: Rule, path: str, bad: str) -> None:
    assert list(rule(parse(path, bad)))


@pytest.mark.parametrize(
    ("rule", "path", "good"),
    [(rule, path, good) for rule, path, _, good in SAMPLES if good],
    ids=_label,
)
def test_a_rule_lets_a_good_sample_pass(rule: Rule, path: str, good: str) -> None:
    assert list(rule(parse(path, good))) == []


def test_a_circle_is_found_and_a_ladder_is_not() -> None:
    ring = [
        parse("a.py", "import b"),
        parse("b.py", "from a import Clock"),
        parse("c.py", "import a"),
    ]
    assert [violation.message for violation in layers.no_circles(ring)] == [
        "a circle of imports: a -> b -> a",
    ]
    assert list(layers.no_circles(ring[1:])) == []


def test_the_layers_themselves_point_down() -> None:
    seen: set[str] = set()
    for layer in layers.LAYERS:
        assert set(layer.below) <= seen | {"clients"}, layer
        seen.add(layer.name)


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "base", "managers", "util", "helper", "manager"])
def test_empty_names_are_known_in_both_numbers(name: str) -> None:
    assert list(shape.names_say_something(parse(f"clients/{name}.py", "")))


def test_every_rule_has_a_sample() -> None:
    assert set(all_rules()) <= {rule for rule, *_ in SAMPLES}


def all_rules() -> Iterator[Rule]:
    """Each public function of the three modules that takes a source."""
    for module in (layers, shape, conduct):
        for name, value in vars(module).items():
            if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__:
                annotations = getattr(value, "__annotations__", {})
                if annotations.get("source") is Source:
                    yield value
