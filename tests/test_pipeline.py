"""wlf as a library."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest

import wlf
from wlf.components.collectors.file import FileConfig
from wlf.components.config import TransformerConfig
from wlf.components.dispatchers.file import FileConfig as OutConfig
from wlf.components.transformers.event_replicator import EventReplicatorConfig
from wlf.errors import ConfigError, SetupError
from wlf.events.template import Template


def out(folder: Path, id: str = "out", **options: object) -> OutConfig:
    return OutConfig(id=id, path=Template(str(folder / f"{id}.jsonl")), **options)  # type: ignore[arg-type]


def messages(folder: Path, id: str = "out") -> list[str]:
    return [json.loads(line)["message"] for line in (folder / f"{id}.jsonl").read_text().splitlines()]


def test_configs_are_a_pipeline(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("1\n2\n")
    parts = [
        FileConfig(id="files", destination="copies", include=[str(tmp_path / "*.log")]),
        EventReplicatorConfig(id="copies", destinations=["out", "other"]),
        out(tmp_path),
        out(tmp_path, "other"),
    ]
    report = asyncio.run(wlf.Pipeline(parts).run(state_dir=tmp_path / "state", until_end=True))
    assert (report.exit_code, report.problems) == (0, ())
    assert messages(tmp_path) == messages(tmp_path, "other") == ["1", "2"]


def test_a_file_is_a_pipeline_that_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("1\n")
    (tmp_path / "p.yaml").write_text(
        "collectors: [{id: files, type: File, destination: out, include: ['${DIR}/*.log']}]\n"
        "dispatchers: [{id: out, type: File, path: '${DIR}/out.jsonl'}]\n"
    )

    async def scenario() -> int:
        pipeline = wlf.Pipeline.from_yaml(tmp_path / "p.yaml", env={"DIR": str(tmp_path)})
        running = asyncio.create_task(pipeline.run(state_dir=tmp_path / "state"))
        while not (tmp_path / "out.jsonl").exists() or not messages(tmp_path):  # noqa: ASYNC110 - of another program's
            await asyncio.sleep(0.01)
        with pytest.raises(SetupError, match="is running"):
            await pipeline.run()
        pipeline.stop()
        return (await running).exit_code

    logging.getLogger("wlf").setLevel(logging.CRITICAL)
    try:
        assert asyncio.run(asyncio.wait_for(scenario(), 30)) == 0
    finally:
        logging.getLogger("wlf").setLevel(logging.NOTSET)
    assert messages(tmp_path) == ["1"]


def test_it_goes_through_the_checks_that_a_file_goes_through(tmp_path: Path) -> None:
    parts = [
        FileConfig(id="files", destination="nowhere", include=["/x"]),
        OutConfig(id="out", path=Template("wlf-%{/database}.jsonl")),
    ]
    with pytest.raises(ConfigError) as caught:
        wlf.Pipeline(parts)
    assert "wlf.Pipeline: E120 collectors[0].destination: " in str(caught.value)
    parts[0] = FileConfig(id="files", destination="out", include=["/x"])
    with pytest.raises(ConfigError) as caught:
        wlf.Pipeline(parts)
    assert "E102 dispatchers[0].path: no field 'database' in FileLine" in str(caught.value)


def test_a_config_of_no_built_in_component_needs_its_class() -> None:
    with pytest.raises(SetupError, match="TransformerConfig is the config of no built-in component"):
        wlf.Pipeline([TransformerConfig(id="x", destination="y")])
