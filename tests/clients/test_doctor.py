"""The doctor: each finding has a grade, a reason and a mend, and what must be mended makes it fail."""

import json
import os
import resource
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from grpc_health.v1 import health_pb2
from typer.testing import CliRunner

from holdfast.client.cli import doctor as checks
from holdfast.client.cli.app import app
from holdfast.client.cli.doctor import Finding, Grade
from tests.clients.faults import Answer
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread

NOW = datetime(2026, 11, 21, tzinfo=UTC)
GIB = 1 << 30


def ask(target: str, data: Path, *more: str, code: int) -> dict[str, Any]:
    """What the doctor writes, by subject."""
    arguments = ["doctor", "--json", "--target", target, "--data-dir", str(data), *more]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def by_subject(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {finding["subject"]: finding for finding in document["findings"]}


def test_a_fit_machine_with_a_service_is_healthy(service: Service, tmp_path: Path) -> None:
    with serving_in_thread(service) as target:
        document = ask(target, tmp_path, code=0)
        found = by_subject(document)
        assert (document["healthy"], document["installed"]) == (True, "service")
        assert found[f"service at {target}"]["grade"] == "OK"
        assert found[f"data directory {tmp_path}"]["grade"] == "OK"
        assert {"Python", "grpcio", "HAProxy", "cores", "memory", "clock", "disk sync"} <= set(found)
        words = CliRunner().invoke(app, ["doctor", "--target", target, "--data-dir", str(tmp_path)])
        assert "what to do" in words.output
    # It left nothing behind.
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_is_not_there_or_not_well_fails(service: Service, tmp_path: Path) -> None:
    found = by_subject(ask("127.0.0.1:1", tmp_path, "--timeout", "200ms", code=1))
    assert found["service at 127.0.0.1:1"]["grade"] == "FAIL"
    assert "holdfast serve" in found["service at 127.0.0.1:1"]["mend"]
    down = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)
    service.faults["Check"].append(Answer([down]))
    with serving_in_thread(service) as target:
        found = by_subject(ask(target, tmp_path, code=1))
        assert "NOT_SERVING" in found[f"service at {target}"]["found"]


def test_a_machine_with_the_client_alone_is_not_judged_as_one_that_serves(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda _: None)
    monkeypatch.setattr(checks, "version", lambda _: "1")
    constraints = ("--constraints", str(tmp_path / "none.txt"))
    with serving_in_thread(service) as target:
        document = ask(target, tmp_path, *constraints, code=0)
    subjects = [finding["subject"] for finding in document["findings"]]
    assert subjects == ["Python", *checks.CLIENT_PACKAGES, "clock", f"service at {target}"]
    assert {finding["grade"] for finding in document["findings"]} == {"OK"}
    assert document["installed"] == "client"
    mend = by_subject(ask("127.0.0.1:1", tmp_path, "--timeout", "200ms", code=1))["service at 127.0.0.1:1"]["mend"]
    assert "holdfast serve" not in mend, "it is not installed"


def test_versions_are_compared_with_the_constraints(tmp_path: Path) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("grpcio==0.0.1\n# rich==1\n")
    found = {finding.subject: finding for finding in checks.packages(constraints, checks.PACKAGES)}
    assert found["grpcio"].grade is Grade.WARN
    assert "tested with 0.0.1" in found["grpcio"].found
    assert "grpcio==0.0.1" in found["grpcio"].mend
    assert found["rich"].grade is Grade.OK


@pytest.mark.parametrize(
    ("finding", "grade"),
    [
        (checks.python((3, 11, 9), checks.PYTHON_MIN), Grade.OK),
        (checks.python((3, 13, 0), checks.PYTHON_MIN), Grade.OK),
        (checks.python((3, 10, 12), checks.PYTHON_MIN), Grade.FAIL),
        (checks.python((3, 10, 12), checks.CLIENT_PYTHON_MIN), Grade.OK),
        (checks.cores(2), Grade.OK),
        (checks.cores(1), Grade.WARN),
        (checks.memory(4 * GIB), Grade.OK),
        (checks.memory(2 * GIB), Grade.WARN),
        (checks.descriptors(4_096, 4_096), Grade.OK),
        (checks.descriptors(resource.RLIM_INFINITY, resource.RLIM_INFINITY), Grade.OK),
        (checks.descriptors(1_024, 65_536), Grade.WARN),
        (checks.clock(NOW), Grade.OK),
        (checks.clock(datetime(1970, 1, 1, tzinfo=UTC)), Grade.FAIL),
        (checks.room(50 * GIB), Grade.OK),
        (checks.room(GIB), Grade.WARN),
        (checks.room(1 << 20), Grade.FAIL),
        (checks.sync(0.2), Grade.OK),
        (checks.sync(25.0), Grade.WARN),
        (checks.sync(0.001), Grade.WARN),
    ],
)
def test_each_check_grades_what_it_finds(finding: Finding, grade: Grade) -> None:
    assert finding.grade is grade
    assert finding.found
    assert bool(finding.mend) == (grade is not Grade.OK)


def test_a_data_directory_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    (finding,) = checks.disk_findings(file / "data")
    assert finding.grade is Grade.FAIL
    made_later = list(checks.disk_findings(tmp_path / "not" / "yet"))
    assert made_later[0].grade is Grade.OK
    assert not (tmp_path / "not").exists()
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        (finding,) = checks.disk_findings(tmp_path)
        tmp_path.chmod(0o700)
        assert finding.grade is Grade.FAIL
