"""Which certificates the service takes, and what it makes of them for HAProxy."""

from pathlib import Path
from shutil import copy, rmtree
from typing import Any

import pytest

from serve import node
from serve.config.settings import SettingsError, read_settings
from serve.config.tls import Tls
from tests.certificates import Authority, Issued


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pem"), "authority")


@pytest.fixture(scope="module")
def own(authority: Authority) -> Issued:
    return authority.issue("service")


def test_what_haproxy_reads_is_for_its_user_alone(own: Issued, authority: Authority, tmp_path: Path) -> None:
    tls = Tls(*own, authority.certificate)
    said = tls.bound(tmp_path)
    both = tmp_path / "certificate.pem"
    assert said.startswith(f" ssl crt {both} alpn h2 ")
    assert said.endswith(f" verify required ca-file {authority.certificate}")
    assert both.stat().st_mode & 0o777 == 0o600
    assert both.read_text().count("-----BEGIN ") == 2
    assert "verify" not in Tls(*own).bound(tmp_path)
    assert tls.bound_for_pages(tmp_path) == f" ssl crt {both} alpn http/1.1 ssl-min-ver TLSv1.2", "browsers have tokens"


def test_a_haproxy_that_starts_beside_half_a_renewal_has_the_former_certificate(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    first, second = authority.issue("first"), authority.issue("second")
    with pytest.raises(ValueError, match="give the two that belong together"):
        Tls(first.certificate, second.key).bound(tmp_path)
    assert not list(tmp_path.glob("certificate*")), "nothing is left of what never was right"
    copy(first.certificate, certificate)
    copy(first.key, key)
    tls = Tls(certificate, key)
    said = tls.bound(tmp_path)
    former = (tmp_path / "certificate.pem").read_bytes()
    copy(second.certificate, certificate)
    assert tls.bound(tmp_path) == said
    assert (tmp_path / "certificate.pem").read_bytes() == former
    assert "callers see the former certificate until this is mended" in caplog.text
    copy(second.key, key)
    tls.bound(tmp_path)
    assert (tmp_path / "certificate.pem").read_bytes() != former
    assert [each.name for each in tmp_path.glob("certificate*")] == ["certificate.pem"]


def test_settings_take_what_can_be_served_with(own: Issued, authority: Authority) -> None:
    given: dict[str, Any] = {"tls_cert": own.certificate, "tls_key": own.key}
    assert read_settings(**given).tls == Tls(*own)
    assert read_settings().tls is None
    everywhere = read_settings(**given, tls_client_ca=authority.certificate, host="192.0.2.7")
    assert everywhere.tls == Tls(*own, authority.certificate), "callers prove who they are"
    with pytest.raises(SettingsError, match=r"insecure: .* by --tls-client-ca, or give --insecure"):
        read_settings(**given, host="192.0.2.7")


def test_others_are_refused_by_their_setting_with_the_mend(own: Issued, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other").issue("other")
    for given, why in (
        ({"tls_cert": own.certificate}, "tls_key: .* give the other one too"),
        ({"tls_key": own.key}, "tls_key: .* give the other one too"),
        ({"tls_cert": own.certificate, "tls_key": other.key}, "tls_key: .* give the two that belong together"),
        ({"tls_cert": own.key, "tls_key": own.key}, "tls_key: .* is no certificate in PEM"),
        ({"tls_cert": tmp_path / "none", "tls_key": own.key}, "tls_key: .*none cannot be read; check the path"),
        ({"tls_client_ca": authority.certificate}, "tls_client_ca: .* give those too"),
        (
            {"tls_cert": own.certificate, "tls_key": own.key, "tls_client_ca": own.key},
            "tls_client_ca: .* has no certificates in PEM",
        ),
        (
            {"tls_cert": own.certificate, "tls_key": own.key, "ray_address": "10.0.0.1:6379", "insecure": True},
            "ray_address: .* give it to `holdfast node`",
        ),
    ):
        with pytest.raises(SettingsError, match=why):
            read_settings(**given)


def test_a_node_has_a_certificate_of_its_own(own: Issued, capsys: pytest.CaptureFixture[str]) -> None:
    assert node.main(["--host", "127.0.0.9", "--tls-cert", str(own.certificate), "--tls-key", str(own.key)]) == 0
    folder = node.run_dir_of("127.0.0.9")
    assert str(own.certificate) in (folder / "haproxy").read_text()
    rmtree(folder)
    assert node.main(["--host", "127.0.0.9", "--tls-cert", str(own.certificate)]) == 1
    assert "give both" in capsys.readouterr().err
