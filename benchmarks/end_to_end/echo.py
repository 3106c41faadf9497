"""The bare client: aiokafka sends messages one by one at a given rate, and notes when. A process of its own.

`python -m benchmarks.end_to_end.echo BOOTSTRAP TOPIC COUNT RATE FILE`; FILE then has a 64-bit whole number for each
message: when it was handed to the client, in nanoseconds of the monotonic clock.
"""

from __future__ import annotations

import asyncio
import sys
import time
from array import array
from pathlib import Path

from aiokafka import AIOKafkaProducer

_MESSAGE = (
    '{"database":"bench","table":"live","type":"insert","ts":1700000000,"xid":1000000,"commit":true,"data":{"id":%d,'
    f'"note":"seq=%d {"x" * 100}"}}}}'
)


async def send(bootstrap: str, topic: str, count: int, rate: int) -> array[int]:
    """All messages; when each was handed over."""
    times = array("q", bytes(8 * count))
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, b"the first one fetches the topic's partitions")
        begun = time.monotonic()
        last = None
        for number in range(count):
            if (early := begun + number / rate - time.monotonic()) > 0:
                await asyncio.sleep(early)
            times[number] = time.monotonic_ns()
            last = await producer.send(topic, (_MESSAGE % (number + 1, number + 1)).encode(), b"%d" % number)
        if last is not None:
            await last
    return times


def main(bootstrap: str, topic: str, count: str, rate: str, path: str) -> None:
    """Send and leave the times."""
    times = asyncio.run(send(bootstrap, topic, int(count), int(rate)))
    with Path(path).open("wb") as file:
        times.tofile(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
