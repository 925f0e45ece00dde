"""Rules for lines in the chain file: what is wrong is named by its field, with what to do."""

from pathlib import Path
from typing import Final

import pytest

from serve.config.chain_file import read_chain_file
from serve.config.settings import SettingsError
from tests.gateway.test_settings import chain_file

FAULTS: Final = (
    (
        "policy: {line_take_up: 0s}",
        "policy.line_take_up: Value error, the time to take units up must be more than zero",
    ),
    ("policy: {line_take_up: soon}", "policy.line_take_up: Value error, 'soon' is not a time; write 90s, 15m"),
    ("policy: {line_take_up: 8d}", "policy: Value error, line_take_up is longer than ttl_max; shorten it or raise"),
    ("policy: {line_may_pass: 7}", "policy.line_may_pass: Input should be a valid boolean"),
    ("policy: {line_rules: [{may_pass: true}]}", "policy.line_rules.0.store_id: Field required"),
    (
        "policy: {line_rules: [{store_id: 'S 1'}]}",
        "policy.line_rules.0.store_id: Value error, a shop's id is 1 to",
    ),
    ("policy: {line_rules: [{store_id: S1, pass: true}]}", "policy.line_rules.0.pass: Extra inputs are not permitted"),
    (
        "policy: {line_rules: [{store_id: S1}, {store_id: S1}]}",
        "policy.line_rules: Value error, these shops have more than one rule: S1; say all of it in one",
    ),
    (
        "policy: {line_rules: [{store_id: S1, take_up: 8d}]}",
        "policy: Value error, the take_up of S1 in line_rules is longer than ttl_max; shorten it or raise",
    ),
)


@pytest.mark.parametrize(("text", "said"), FAULTS)
def test_a_fault_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_chain_file(chain_file(tmp_path, text))
    assert said in str(raised.value)
