"""A service whose logs and metrics a test reads, as an operator would."""

from pathlib import Path
from urllib.request import urlopen

from serve.config.environment import free_ports
from tests.cluster.service import Service

REPORT_MS = 1_000  # between two reports of a process to Ray's agent, in place of 10 s


class Watched(Service):
    """With a folder for its logs, and a port for its metrics."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.metrics_port,) = free_ports(1)

    @property
    def logs(self) -> Path:
        """Where they are."""
        return self.folder / "logs"

    def command(self, store_actors: int = 2) -> list[str]:
        return [*super().command(store_actors), "--log-dir", str(self.logs), "--metrics-port", str(self.metrics_port)]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "RAY_metrics_report_interval_ms": str(REPORT_MS)}

    def scraped(self) -> dict[str, list[str]]:
        """Its lines by metric, as Prometheus gets them."""
        try:
            with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=20) as answer:
                text = answer.read().decode()
        except OSError:  # it does not listen yet
            return {}
        found: dict[str, list[str]] = {}
        for line in text.splitlines():
            if line.startswith("ray_holdfast_"):
                found.setdefault(line.partition("{")[0].removeprefix("ray_"), []).append(line)
        return found
