"""The `holdfast` command, run in this process against a service of this process."""

import json
from typing import Any, NamedTuple

from typer.testing import CliRunner

from holdfast.client.cli.app import app
from tests.clients.service import Service


class Command(NamedTuple):
    """A command's way to a service."""

    service: Service
    target: str

    def __call__(self, *arguments: str, code: int = 0, stdin: str | None = None) -> Any:
        """The JSON that a command writes, to stderr where it fails without an answer."""
        result = CliRunner().invoke(app, [*arguments, "--json"], env={"HOLDFAST_TARGET": self.target}, input=stdin)
        assert result.exit_code == code, result.output
        documents = [json.loads(line) for line in (result.stdout or result.stderr).splitlines()]
        return documents[0] if len(documents) == 1 else documents

    def words(self, *arguments: str, code: int = 0) -> str:
        """What a command writes for people."""
        result = CliRunner().invoke(app, list(arguments), env={"HOLDFAST_TARGET": self.target})
        assert result.exit_code == code, result.output
        return result.output
