"""Notes when each numbered message of a topic could be read: a process of its own.

`python -m benchmarks.end_to_end.consumer BOOTSTRAP TOPIC COUNT FILE`: it says `ready`, ends when it has seen the
numbers 1 to COUNT or nothing came for ten seconds, and leaves in FILE a 64-bit whole number for each of them: when it
was read first, in nanoseconds of the monotonic clock; 0 for never.
"""

from __future__ import annotations

import re
import sys
import time
from array import array
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

QUIET_S = 10
_NUMBER = re.compile(rb"seq=(\d+)")


def main(bootstrap: str, topic: str, count: str, path: str) -> None:
    """Read one partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "latency", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    times = array("q", bytes(8 * int(count)))
    consumer.poll(1)
    print("ready", flush=True)
    missing = len(times)
    while missing and (message := consumer.poll(QUIET_S)) is not None:
        now = time.monotonic_ns()
        found = _NUMBER.search(message.value() or b"")
        if found and (number := int(found[1])) and not times[number - 1]:
            times[number - 1] = now
            missing -= 1
    with Path(path).open("wb") as file:
        times.tofile(file)
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
