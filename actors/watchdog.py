"""Ends an actor's process that neither answers nor works. There is one on each node; gateways that hear nothing ask it.

A gateway that is cut off is no verdict: this process connects from the node itself. Nor is being busy: a process that
uses the CPU, as one that takes over a long journal does, is left alone; so is one that waits for a CPU where there is
too much to do, as its successor would wait as well. What is ended is a process, held by a file descriptor from before
the look on, so neither a successor nor another that got the same id can be hit.
"""

import logging
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import psutil

from actors.rpc.frames import Address

LOOK_S: Final = 1.0  # together with the gateway's own second, two without an answer
AT_WORK_CPU_S: Final = 0.1  # CPU time within a look

log = logging.getLogger("holdfast.watchdog")


class Watchdog:
    """See the module. `look_s` is how long one look takes."""

    def __init__(self, look_s: float = LOOK_S) -> None:
        self._look_s = look_s

    def end_if_stuck(self, actor: str, address: Address) -> bool:
        """True where the process neither sent a byte to a new connection nor used the CPU nor waits for one, and was
        ended.
        """
        try:
            process = psutil.Process(address.pid)
            held = os.pidfd_open(address.pid)
        except (psutil.NoSuchProcess, ProcessLookupError):
            return False
        try:
            if process.create_time() != address.started:  # the id is another's by now
                return False
            cpu_s = _cpu_s(process)
            if self._says_something(address) or _cpu_s(process) - cpu_s >= AT_WORK_CPU_S or _is_runnable(process.pid):
                return False
            log.critical("%s: process %d neither answers nor works; it is ended", actor, address.pid)
            signal.pidfd_send_signal(held, signal.SIGKILL)
        except (psutil.NoSuchProcess, ProcessLookupError):
            return False
        finally:
            os.close(held)
        return True

    def _says_something(self, address: Address) -> bool:
        """Whether a new connection is greeted within the look; where it is not, the whole look has passed."""
        until = monotonic() + self._look_s
        try:
            with socket.create_connection((address.host, address.port), timeout=self._look_s) as connection:
                connection.settimeout(max(0.001, until - monotonic()))
                if connection.recv(1):
                    return True
        except OSError:
            pass
        sleep(max(0.0, until - monotonic()))
        return False


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _is_runnable(pid: int) -> bool:
    """Whether a thread of the process is on a CPU, or waits for nothing else."""
    for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            if thread.read_bytes().rpartition(b") ")[2].startswith(b"R"):
                return True
    return False
