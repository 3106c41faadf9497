"""A transformer of your own between two built-in components."""

from collections.abc import Sequence

import msgspec

import wlf
from wlf.components.base import Transformer
from wlf.components.collectors.file import FileConfig
from wlf.components.config import TransformerConfig
from wlf.components.dispatchers.stdout import StdoutConfig
from wlf.events import Event, LogLine


class ShoutConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Shout."""

    mark: str = "!"


class Shout(Transformer):
    """Makes the messages of log lines loud."""

    Config = ShoutConfig

    def transform(self, events: Sequence[Event]) -> list[Event]:
        return [self._louder(event) if isinstance(event, LogLine) else event for event in events]

    def _louder(self, event: LogLine) -> LogLine:
        return msgspec.structs.replace(event, message=event.message.upper() + self.config.mark)


if __name__ == "__main__":
    report = wlf.Pipeline(
        [
            FileConfig(id="files", destination="shout", include=["examples/logs/data/shop.log"]),
            (Shout, ShoutConfig(id="shout", destination="out", mark="!!")),
            StdoutConfig(id="out"),
        ],
        name="own-component",
    ).run_sync(until_end=True, state_dir="out/state")
    raise SystemExit(report.exit_code)
