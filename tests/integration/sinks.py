"""What each sink holds, read back with its own client."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from types import TracebackType
from typing import Any, Self

import redis as redis_client
from confluent_kafka.admin import AdminClient

from tests.servers.kafka_topics import read_topic


def kafka_events(bootstrap: str, prefix: str) -> dict[str, list[dict[str, Any]]]:
    """All records' JSON by topic, in the order of their partitions."""
    topics = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=10).topics
    return {
        topic: [json.loads(record.value) for record in read_topic(bootstrap, topic) if record.value]
        for topic in topics
        if topic.startswith(prefix)
    }


class Subscriber:
    """Keeps what Redis publishes on channels of a pattern, from the moment it is entered."""

    def __init__(self, port: int, pattern: str) -> None:
        self._client = redis_client.Redis(port=port)
        self._pubsub = self._client.pubsub()
        self._pattern = pattern
        self._reader: threading.Thread | None = None
        self._ended = threading.Event()
        self.messages: list[tuple[str, dict[str, Any]]] = []

    def __enter__(self) -> Self:
        self._pubsub.psubscribe(self._pattern)
        while not (message := self._pubsub.get_message(timeout=5)) or message["type"] != "psubscribe":
            pass
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self) -> None:
        while not self._ended.is_set():
            message = self._pubsub.get_message(timeout=0.1)
            if message and message["type"] == "pmessage":
                self.messages.append((message["channel"].decode(), json.loads(message["data"])))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        if self._reader:
            self._reader.join()
        self._pubsub.close()
        self._client.close()


def search_call(url: str, method: str, path: str, body: object = None) -> Any:
    """One request to Elasticsearch or OpenSearch; its JSON. An index whose shards are just being made is waited for."""
    request = urllib.request.Request(
        f"{url}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:
                raise
            error.close()
            time.sleep(0.1)


def documents(url: str, index: str) -> list[dict[str, Any]]:
    """Every document of the indices that match, with `_index` and `_id`, after a refresh."""
    search_call(url, "POST", f"/{index}/_refresh?ignore_unavailable=true")
    page = search_call(url, "POST", f"/{index}/_search?scroll=1m&ignore_unavailable=true", {"size": 5000})
    found: list[dict[str, Any]] = []
    while page["hits"]["hits"]:
        found += [{"_index": hit["_index"], "_id": hit["_id"], **hit["_source"]} for hit in page["hits"]["hits"]]
        page = search_call(url, "POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})

    return found


def eventually(condition: Any, what: str, timeout_s: float = 60) -> None:
    """Poll a condition on a sink until it holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true in {timeout_s} s"
        time.sleep(0.1)
