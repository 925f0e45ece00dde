"""A Ray cluster of this machine, each node with a loopback address of its own, and the service on it as an operator
starts it.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import psutil

from serve.config.environment import NODE_PORTS, Ports, free_ports
from serve.node import run_dir_of
from tests.cluster.service import Service
from tests.journal.redis_process import RedisProcess

NODE_S: Final = 60.0
STORE_BYTES: Final = 80 * 1024 * 1024
OWN: Final = random.SystemRandom().randrange(20, 250)  # so that clusters of several test runs do not meet


class ClusterService(Service):
    """A service on nodes that are started one by one, with its journals in a Redis."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.redis = RedisProcess(folder / "redis")
        self.redis.start()
        self.nodes: dict[str, int] = {}  # address, and the session of its processes
        self.head_port, self.dashboard_port = free_ports(2)
        self.ray_dir = Path(tempfile.mkdtemp(prefix="hf-", dir="/tmp"))  # short, as sockets need it
        self.address = f"{self.host_of(1)}:{Ports(NODE_PORTS).grpc}"

    @staticmethod
    def host_of(number: int) -> str:
        """The address of the node with that number; 1 is the head."""
        return f"127.{OWN}.0.{number}"

    @property
    def head(self) -> str:
        """As other nodes and the service are given it."""
        return f"{self.host_of(1)}:{self.head_port}"

    @property
    def targets(self) -> str:
        """The gateways of all nodes, for clients: they go to the next where one is away."""
        port = Ports(NODE_PORTS).grpc
        return "ipv4:" + ",".join(f"{host}:{port}" for host in self.nodes)

    def add_node(self, number: int) -> str:
        """Start Ray there with the command of the manual, and give its address."""
        host = self.host_of(number)
        where, options_of_ours = [f"--address={self.head}"], f"--host {host}"
        if number == 1:
            options_of_ours += f" --head-redis 127.0.0.1:{self.redis.port}"
            for note in self.ray_dir.rglob("ray_current_cluster"):  # of the other nodes too, on this machine
                note.unlink()
            where = [
                "--head",
                f"--port={self.head_port}",
                f"--dashboard-host={host}",
                f"--dashboard-port={self.dashboard_port}",
            ]
        options = [f"--node-ip-address={host}", *where, "--num-cpus=4", f"--object-store-memory={STORE_BYTES}"]
        command = f'eval "$({sys.executable} -m serve.node {options_of_ours})"; exec ray start {" ".join(options)}'
        with self.log_of(host).open("wb") as log:
            started = subprocess.Popen(
                ["/bin/bash", "-c", command],
                env=self.environment(),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.nodes[host] = started.pid
        assert started.wait(NODE_S) == 0, self.log_of(host).read_text(encoding="utf-8")[-2_000:]
        return host

    def log_of(self, host: str) -> Path:
        """What `ray start` said there."""
        return self.folder / f"node-{host}.log"

    def node_of(self, pid: int) -> str:
        """The address of the node that has this process."""
        session = os.getsid(pid)
        return next(host for host, started in self.nodes.items() if started == session)

    def lose_node(self, host: str) -> None:
        """Its power goes: raylet, actors, gateway and HAProxy, at once."""
        doomed = self._processes_of(host)
        assert any("raylet" in process.name() for process in doomed)
        for process in doomed:
            process.kill()

    def environment(self) -> dict[str, str]:
        """With this interpreter's Ray, the cluster's secret, and the settings, as a manifest gives them to all pods."""
        return {
            **super().environment(),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "RAY_AUTH_TOKEN": "a secret of this test, of 32 characters or more",
            "RAY_TMPDIR": str(self.ray_dir),
            "HOLDFAST_LOG_DIR": str(self.folder / "logs"),
            "HOLDFAST_DATA_DIR": str(self.data_dir),
            "HOLDFAST_CHAIN_FILE": str(self.folder / "chain.yaml"),
            "HOLDFAST_STORE_ACTORS": "4",
            "HOLDFAST_INSECURE": "true",
            "HOLDFAST_JOURNAL": self.redis.url,
        }

    def command(self, store_actors: int = 4) -> list[str]:
        del store_actors  # as the environment says
        return [sys.executable, "-m", "serve", "--ray-address", self.head]

    def deploy(self, configuration: str) -> None:
        """Have Serve start what a file for it says, by its command."""
        path = self.folder / "serve.yaml"
        path.write_text(configuration, encoding="utf-8")
        dashboard = f"http://{self.host_of(1)}:{self.dashboard_port}"
        command = ["serve", "deploy", str(path), "--address", dashboard]
        environment = {**self.environment(), "RAY_AUTH_MODE": "token"}
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=NODE_S)

    def kill(self) -> None:
        """The power of all nodes goes, and the server's."""
        for host in self.nodes:
            for process in self._processes_of(host):
                process.kill()
        if self._process is not None:
            super().kill()
        self.redis.stop()
        for path in (self.ray_dir, *map(run_dir_of, self.nodes)):
            shutil.rmtree(path, ignore_errors=True)

    def _processes_of(self, host: str) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if _session_of(process) == self.nodes[host]]


def _session_of(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid) if process.status() != psutil.STATUS_ZOMBIE else 0
    except (psutil.Error, ProcessLookupError):
        return 0
