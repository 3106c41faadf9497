"""An index of a real OpenSearch: a document for each event, or for each row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from benchmarks.contender import SearchSink, Sink
from benchmarks.end_to_end.expected import Expected, Identity, Rows, Tally, tally
from benchmarks.end_to_end.receivers.base import Receiver
from benchmarks.loads import DATABASE
from tests.servers.opensearch import OpenSearch

_READ_AT_ONCE = 5_000
_INDEX = {
    "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"},
    "mappings": {"dynamic": False},
}
"""The server shares the machine with what is measured: it stores the documents and makes nothing else of them."""


class _Hit(msgspec.Struct):
    _source: msgspec.Raw


class _Hits(msgspec.Struct):
    hits: list[_Hit]


class _Page(msgspec.Struct):
    hits: _Hits
    _scroll_id: str


_decode = msgspec.json.Decoder(_Page).decode


class SearchReceiver(Receiver):
    """New indices on one server, a document each event."""

    poll_s = 0.1
    mode = "append"

    def __init__(self, server: OpenSearch) -> None:
        self.title = f"OpenSearch {self.mode}"
        self._server = server
        self._index = ""

    def place(self, folder: Path, expected: Expected) -> Sink:
        self.clear()
        self._index = f"e2e-{uuid4()}"
        self._server.request("PUT", f"/{self._index}", _INDEX)
        return SearchSink(self._server.url, self._index, self.mode)

    def count(self) -> int:
        """Not of documents, for which the index would have to be refreshed, but of what was written into it."""
        told = self._server.request("GET", f"/{self._index}/_stats/indexing?filter_path=_all.primaries.indexing")
        return int(told["_all"]["primaries"]["indexing"]["index_total"])

    def messages(self) -> Iterator[bytes]:
        self._server.request("POST", f"/{self._index}/_refresh")
        asked: dict[str, Any] = {"size": _READ_AT_ONCE, "sort": ["_doc"]}
        page = self._page(f"/{self._index}/_search?scroll=1m", asked)
        while page.hits.hits:
            for hit in page.hits.hits:
                yield bytes(hit._source)
            page = self._page("/_search/scroll", {"scroll": "1m", "scroll_id": page._scroll_id})

    def clear(self) -> None:
        if self._index:
            self._server.request("DELETE", f"/{self._index}")
            self._index = ""

    def _page(self, path: str, asked: object) -> _Page:
        return _decode(msgspec.json.encode(self._server.request("POST", path, asked)))


class MirrorReceiver(SearchReceiver):
    """New indices of one table each, a document each row: only what a row is in the end can be counted."""

    mode = "mirror"

    def __init__(self, server: OpenSearch) -> None:
        super().__init__(server)
        self._rows = Rows((), ())
        self._last: Identity = ()
        self._table = self._columns = ""

    def place(self, folder: Path, expected: Expected) -> Sink:
        assert isinstance(expected, Rows)
        tables = {identity[0] for identity in expected.identities}
        if len(tables) > 1:
            raise ValueError(f"expected a corpus of one table, got {len(tables)}")
        self._rows, (self._table,) = expected, tables
        *_, self._last = expected.identities
        self._columns = ",".join(expected.columns)
        return super().place(folder, expected)

    def count(self) -> int:
        """All, once the row that changes last is as it shall be: documents are written in the order of the changes."""
        total = len(self._rows)
        return total if self._holds_last() else min(super().count(), total - 1)

    def _holds_last(self) -> bool:
        key = self._last[1]
        # In an index whose name does not tell tables apart, ids do.
        ids = [str(key), msgspec.json.encode([DATABASE, self._table, key]).decode()]
        found = self._server.request("POST", f"/{self._index}/_mget?_source={self._columns}", {"ids": ids})["docs"]
        rows = [self._rows.of_row(self._table, document["_source"]) for document in found if document.get("found")]
        return self._last in rows

    def audit(self, expected: Expected) -> Tally:
        """The first column of an identity is the key; the last identity of each key must be there."""
        final = {identity[:2]: identity for identity in expected.identities}
        rows = map(msgspec.json.decode, self.messages())
        return tally(final.values(), (self._rows.of_row(self._table, row) for row in rows))
