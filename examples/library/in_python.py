"""A pipeline that is made in Python: the configs are typed, so an editor completes them and mypy checks them."""

import asyncio

import wlf
from wlf.components.collectors.file import FileConfig
from wlf.components.dispatchers.file import FileConfig as OutConfig
from wlf.components.transformers.aggregator import AggregatorConfig
from wlf.events.template import Template


async def main() -> None:
    pipeline = wlf.Pipeline(
        [
            FileConfig(id="files", destination="counts", include=["examples/logs/data/shop.log"]),
            AggregatorConfig(id="counts", destination="out", by=["/file"], max_events=5),
            OutConfig(id="out", path=Template("out/library/counts.jsonl")),
        ],
        name="in-python",
    )
    report = await pipeline.run(until_end=True, state_dir="out/state")
    print(report.counts)


asyncio.run(main())
