"""The connection beside the stream, against a server that takes the connection and says nothing."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.components.collectors.binlog import BinlogCollector, BinlogConfig


def test_a_silent_server_does_not_hold_up_a_stop() -> None:
    async def run(port: int) -> float:
        config = configured(BinlogConfig, destination="d", host="127.0.0.1", port=port, connect_timeout_ms=3_000)
        opening = asyncio.create_task(BinlogCollector(config, make_context()).open({}))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        return time.monotonic() - began

    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert asyncio.run(run(silent.getsockname()[1])) < 1.0
