"""What a start does about the key of contacts, and about the messages file: made once, never in place of another."""

from contextlib import closing
from pathlib import Path

import pytest

from actors.contacts.cipher import read_key
from actors.contacts.open import open_book
from actors.delivery.open import desk_of_environment
from actors.delivery.settings import FILE_VARIABLE, OWN_KEY_VARIABLE
from serve.app import make_contacts_key
from serve.config.settings import JOURNAL_DIR, Settings, SettingsError, read_settings

GOOD = "email: {host: 127.0.0.1, address: a@example.com}\nrules: [{occasion: ready, channels: [email]}]\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / JOURNAL_DIR).mkdir()
    return read_settings(data_dir=tmp_path)


def test_the_key_is_made_at_the_first_start_and_stays(settings: Settings, tmp_path: Path) -> None:
    make_contacts_key(settings, settings.journals)
    key = read_key(tmp_path / "contacts.key")
    make_contacts_key(settings, settings.journals)
    assert read_key(settings.contacts_key_path) == key


def test_a_key_that_is_missing_is_not_made_anew_over_contacts(settings: Settings) -> None:
    make_contacts_key(settings, settings.journals)
    with closing(open_book(settings.journals, settings.contacts_key_path, lambda: 0)):
        settings.contacts_key_path.rename(settings.contacts_key_path.with_name("elsewhere"))
    with pytest.raises(SettingsError, match="'Contacts'"):
        make_contacts_key(settings, settings.journals)
    assert not settings.contacts_key_path.exists()


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    named = read_settings(data_dir=tmp_path, contacts_key_file=tmp_path / "secret")
    with pytest.raises(SettingsError, match="cannot be read"):
        make_contacts_key(named, named.journals)


def test_a_messages_file_is_read_before_the_start_and_told_to_the_notifier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "messages.yaml"
    with pytest.raises(SettingsError, match="messages_file"):
        read_settings(data_dir=tmp_path, messages_file=path)
    path.write_text(GOOD.replace("ready", "lunch"))
    with pytest.raises(SettingsError, match=r"rules\[0\].occasion"):
        read_settings(data_dir=tmp_path, messages_file=path)
    path.write_text(GOOD)
    settings = read_settings(data_dir=tmp_path, messages_file=path)
    assert settings.notices == {FILE_VARIABLE: str(path), OWN_KEY_VARIABLE: str(tmp_path / "contacts.key")}
    assert read_settings(data_dir=tmp_path).notices == {}
    assert desk_of_environment(settings.journals, lambda: 0) is None
    for name, value in settings.notices.items():
        monkeypatch.setenv(name, value)
    assert desk_of_environment(settings.journals, lambda: 0) is not None
    assert read_settings(data_dir=tmp_path).contacts_key_file is None, "the own variable names none"
