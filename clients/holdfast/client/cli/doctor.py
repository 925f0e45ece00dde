"""`holdfast doctor`: is this machine fit to run the service, and does the service answer? Each finding has its mend."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.client.channel import ChannelClient
from holdfast.client.cli import checks
from holdfast.client.cli.checks import Finding, Grade
from holdfast.client.cli.options import JsonOption, TargetOption, TimeoutOption
from holdfast.client.cli.output import ExitCode, table, to_document
from holdfast.client.cli.session import Session, data_dir
from holdfast.client.errors import HoldfastError
from holdfast.client.models.administration import Health


def doctor(
    data: Annotated[
        Path | None, typer.Option("--data-dir", help="The data directory to look at; otherwise HOLDFAST_DATA_DIR.")
    ] = None,
    constraints: Annotated[
        Path, typer.Option(help="The exact versions to compare with, where the file is there.")
    ] = Path("constraints.txt"),
    target: TargetOption = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = "3s",
) -> None:
    """Check this machine and the service; exit code 1 where something must be mended."""
    session = Session.of(target, as_json=as_json, timeout=timeout)
    folder = data_dir() if data is None else data
    findings = [
        *checks.installed_findings(constraints),
        *checks.machine_findings(),
        *checks.disk_findings(folder),
        _service(session),
    ]
    failed = any(finding.grade is Grade.FAIL for finding in findings)
    document = {"healthy": not failed, "findings": to_document(findings)}
    rows = ((finding.grade.name.lower(), finding.subject, finding.found, finding.mend) for finding in findings)
    session.show(document, table(["", "what", "found", "what to do"], rows))
    if failed:
        raise typer.Exit(ExitCode.REFUSED)


def _service(session: Session) -> Finding:
    """Whether the service is reached and says that it is well."""
    subject = f"service at {session.target}"

    async def ask(client: ChannelClient) -> Health:
        return await client.health(timeout_ms=session.timeout_ms)

    try:
        health = session.run(ask)
    except HoldfastError as error:
        return Finding(
            Grade.FAIL, subject, error.why or str(error), "Start it with `holdfast serve`, or give the right --target"
        )
    if health is Health.SERVING:
        return Finding(Grade.OK, subject, "reached, and SERVING")
    return Finding(Grade.FAIL, subject, f"reached, and {health.name}", "Wait for its recovery, or look into its log")
