"""What code must not do: read clocks or chance in the core, swallow errors, grow without a limit, sleep, pretend."""

import ast
from collections.abc import Iterator
from typing import Final

from tests.house.allowed import BROAD_EXCEPT, PROCESS_HASHES, SLEEPS
from tests.house.sources import PACKAGES, Source, Violation, calls, dotted, imports, within

CORE: Final = ("actors.core", "actors.calendar", "actors.shop", "actors.orders", "actors.notices")
CLOCK: Final = ("actors.runtime.clock",)
WALL_CLOCK: Final = frozenset(
    {
        "time.time",
        "time.time_ns",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "date.today",
        "datetime.date.today",
    }
)
# What tells how long something took; a test that compares it fails on somebody's machine.
CLOCKS: Final = WALL_CLOCK | {
    f"time.{clock}{unit}"
    for clock in ("monotonic", "perf_counter", "process_time", "thread_time")
    for unit in ("", "_ns")
}
SECONDS_TAKEN: Final = frozenset({"timeit.timeit", "timeit.repeat", "os.times"})
# Built-in functions that reach outside, or differ from one process to the next.
IMPURE: Final = frozenset(
    {"open", "print", "input", "eval", "exec", "compile", "id", "hash", "breakpoint", "__import__"}
)
QUEUES: Final = frozenset({"Queue", "LifoQueue", "PriorityQueue"})


def core_is_pure(source: Source) -> Iterator[Violation]:
    """No I/O, no await and no hidden state between check and act; what it may import is the layers' business."""
    if not within(source.module, CORE):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield source.at(node, "the core never awaits")
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield source.at(node, "the core's state is the ledger it is given, nothing else")
    for call, name in calls(source):
        if name in IMPURE and not (name == "hash" and source.path in PROCESS_HASHES):
            yield source.at(call, f"{name}() has no place in the core")


def one_clock(source: Source) -> Iterator[Violation]:
    """Wall time enters through actors/runtime/clock.py alone, or tests could not own it."""
    if source.package not in {"actors", "serve"} or within(source.module, CLOCK):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and dotted(node) in WALL_CLOCK:
            yield source.at(node, f"{dotted(node)}: take the time from actors.runtime.clock")
    for statement, name in imports(source):
        if name in WALL_CLOCK:
            yield source.at(statement, f"{name}: take the time from actors.runtime.clock")


def hash_is_not_stable(source: Source) -> Iterator[Violation]:
    """`hash()` differs by process; placement and anything written down need a stable one."""
    if source.package not in {"actors", "serve"}:
        return
    own = {
        id(call)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and node.name == "__hash__"
        for call in ast.walk(node)
    }
    for call, name in calls(source):
        if name == "hash" and id(call) not in own and source.path not in PROCESS_HASHES:
            yield source.at(call, "hash() differs from process to process: use hashlib or zlib.crc32")


def errors_are_not_swallowed(source: Source) -> Iterator[Violation]:
    """A broad `except` stands at an outer edge that allowed.py names, or raises again."""
    if source.path in BROAD_EXCEPT:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node):
            yield source.at(node, "a broad except: name the errors, or name the file in allowed.py")


def everything_has_a_limit(source: Source) -> Iterator[Violation]:
    """Queues and caches say how large they may grow."""
    if source.package not in PACKAGES:
        return
    for call, name in calls(source):
        words = name.split(".")
        limits = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "maxsize")]
        if words[-1] in QUEUES and (not limits or _is_constant(limits[0], 0)):
            yield source.at(call, f"{name} without a limit: give it a named maxsize")
        if words[-1] == "lru_cache" and limits and _is_constant(limits[0], None):
            yield source.at(call, "a cache without a limit: give it a named maxsize")
    for node, name in imports(source):
        if name == "functools.cache":
            yield source.at(node, "functools.cache has no limit: use lru_cache with a named maxsize")
    for attribute in ast.walk(source.tree):
        if isinstance(attribute, ast.Attribute) and dotted(attribute) == "functools.cache":
            yield source.at(attribute, "functools.cache has no limit: use lru_cache with a named maxsize")


def tests_do_not_sleep(source: Source) -> Iterator[Violation]:
    """A test moves the clock, or waits with `tests.waiting`; `asyncio.sleep(0)` only lets others run."""
    if source.package != "tests" or source.path in SLEEPS:
        return
    for node, name in imports(source):
        if name in {"time.sleep", "asyncio.sleep"}:
            yield source.at(node, f"{name}: wait for a condition with tests.waiting")
    for call, name in calls(source):
        if name == "time.sleep" or (name == "asyncio.sleep" and not (call.args and _is_constant(call.args[0], 0))):
            yield source.at(call, f"{name}: wait for a condition with tests.waiting")


def tests_compare_no_times(source: Source) -> Iterator[Violation]:
    """No assertion rests on a clock, which runs as it likes on a shared machine: count what was looked at instead."""
    if source.package != "tests":
        return
    clocks = {name.rpartition(".")[2] for _, name in imports(source) if name in CLOCKS}
    for function in ast.walk(source.tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            continue
        timed: set[str] = set()
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and _reads_a_clock(node.value, clocks, timed):
                timed |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        for node in ast.walk(function):
            if isinstance(node, ast.Assert) and (
                _reads_a_clock(node.test, clocks, timed) or _has_a_loops_time(node.test, source)
            ):
                yield source.at(node, "an assertion about a time: count what was looked at, or wait for a condition")
            if isinstance(node, ast.Return) and node.value and _reads_a_clock(node.value, clocks, timed):
                yield source.at(node, "a test hands out a time that it took: count what was looked at")


def _reads_a_clock(expression: ast.expr, clocks: set[str], timed: set[str]) -> bool:
    """Whether a clock is read in an expression, or one of these names has a time that was taken."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Name) and node.id in timed:
            return True
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in CLOCKS or name in clocks or name in SECONDS_TAKEN:
                return True
    return False


def _has_a_loops_time(expression: ast.expr, source: Source) -> bool:
    """Whether a time since is taken by an event loop's clock, which is virtual in simulations alone."""
    return not source.path.startswith("tests/simulation/") and any(
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and isinstance(node.left, ast.Call)
        and isinstance(node.left.func, ast.Attribute)
        and node.left.func.attr == "time"
        for node in ast.walk(expression)
    )


def nothing_is_mocked(source: Source) -> Iterator[Violation]:
    """A fake of ours sits the same exam as the real thing; a mock sits none."""
    if source.package != "tests":
        return
    for node, name in imports(source):
        if within(name, ("unittest.mock", "mock", "pytest_mock")):
            yield source.at(node, f"{name}: write a fake that sits the same exam")
    own = tuple(package for package in PACKAGES)
    for call, name in calls(source):
        if name.endswith("monkeypatch.setattr") and call.args:
            target = call.args[0]
            text = (
                target.value if isinstance(target, ast.Constant) and isinstance(target.value, str) else dotted(target)
            )
            if within(text, own):
                yield source.at(call, f"{text} is ours: pass what the test needs instead of patching it")


def _is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value == value and type(node.value) is type(value)


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(element) for element in caught.elts)
    return caught is None or dotted(caught).removeprefix("builtins.") in {"Exception", "BaseException"}


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """True where the handler's last word is to raise: it tidies up, and nothing is swallowed."""
    return isinstance(handler.body[-1], ast.Raise)
