"""Commands beside a service that speaks TLS."""

import json
from pathlib import Path

from typer.testing import CliRunner

from holdfast.client.cli.app import app

NOBODY = "127.0.0.1:1"


def test_a_service_that_speaks_tls_is_not_asked_in_plain_text(tmp_path: Path) -> None:
    environment = {"HOLDFAST_DATA_DIR": str(tmp_path), "HOLDFAST_TARGET": None, "HOLDFAST_CA": None}
    (tmp_path / "service.json").write_text(json.dumps({"grpc": NOBODY, "pid": 1, "tls": True}))
    result = CliRunner().invoke(app, ["policy", "show", "--json"], env=environment)
    assert result.exit_code == 2
    assert "speaks TLS; give the authority" in json.loads(result.stderr)["error"]["why"]
    for ca, why in (("none.pem", "cannot be read"), (str(tmp_path / "service.json"), "is no file in PEM")):
        result = CliRunner().invoke(app, ["policy", "show", "--json", "--ca", ca], env=environment)
        assert result.exit_code == 2
        assert why in json.loads(result.stderr)["error"]["why"]
    arguments = ["policy", "show", "--json", "--ca", "system", "--timeout", "100ms"]
    assert CliRunner().invoke(app, arguments, env=environment).exit_code == 3, "it is asked, and nobody is there"
