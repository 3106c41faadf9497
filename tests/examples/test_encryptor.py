"""The example of Encryptor hides what its README says, and its key makes it readable again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.examples.test_examples import ROOT
from tests.integration.wlf_run import WlfRun
from wlf.cli import main


def _decrypted(*arguments: str) -> list[Any]:
    result = CliRunner().invoke(main, ["decrypt", *arguments])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_columns_and_events_are_hidden_and_come_back_with_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    config = "examples/encryptor/encryptor.yaml"
    run = WlfRun(tmp_path / "run", Path(config), "--until-end")
    run.launch()
    assert run.wait() == 0, run.text()
    hidden = [json.loads(line) for line in Path("out/encryptor/shop.customers.jsonl").read_text().splitlines()]
    assert all(event["data"]["email"].startswith("wlf1:example-1:") for event in hidden)
    assert all(set(event["data"]["name"][1:]) == {"*"} for event in hidden)
    assert b"@shop.example" not in b"".join(path.read_bytes() for path in Path("out/encryptor").iterdir())
    customers = _decrypted("out/encryptor/shop.customers.jsonl", "--config", config)
    whole = _decrypted("out/encryptor/events.jsonl", "--key", "example-1=examples/encryptor/data/example.key")
    same = [event for event in whole if (event["database"], event["table"]) == ("shop", "customers")]
    assert [event["data"]["email"] for event in customers] == [event["data"]["email"] for event in same]
    assert {event["data"]["email"] for event in customers} >= {f"c{number}@shop.example" for number in range(1, 40)}
    orders = _decrypted("out/encryptor/shop.orders.jsonl", "--config", config)
    prices = [event["data"]["price"] for event in orders]
    assert all(isinstance(price, float) for price in prices)
    assert prices == [event["data"]["price"] for event in whole if event["table"] == "orders"]
    assert all(len(event["data"]["customer_id"]) == 32 for event in orders)
