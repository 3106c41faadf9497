"""Elasticsearch and OpenSearch: each change as a document, or each row as one that follows its table."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from wlf.components.base import Context, Dispatcher, Outgoing, Partial
from wlf.components.dispatchers._elasticsearch.bulk import Composed, Operations
from wlf.components.dispatchers._elasticsearch.operations import COMPOSERS
from wlf.components.dispatchers._elasticsearch.options import ElasticsearchConfig
from wlf.errors import Retryable

if TYPE_CHECKING:
    from wlf.components.dispatchers._elasticsearch.replies import Results
    from wlf.components.dispatchers._elasticsearch.session import Session

for _library in ("aiohttp", "orjson"):  # said here, for only a run imports them, which takes a while
    if find_spec(_library) is None:
        raise ModuleNotFoundError(f"No module named {_library!r}", name=_library)


class ElasticsearchDispatcher(Dispatcher):
    """Indexes events into Elasticsearch or OpenSearch: a document a change, or a mirror of the rows.

    Delivered means that the bulk API answered so for the document.

    Items are judged one by one: what the server has no room for (429, 5xx) is tried again alone, what it refuses is
    rejected with its reason, which never quotes the document.
    """

    type_name: ClassVar[str] = "Elasticsearch"
    Config = ElasticsearchConfig
    config: ElasticsearchConfig

    def __init__(self, config: ElasticsearchConfig, context: Context) -> None:
        super().__init__(config, context)
        self._composer = COMPOSERS[config.mode](config)
        self._ignored = context.metrics.counter(
            "wlf_dropped_events_total", "Events that were left out, by reason", reason="ddl in a mirror"
        )
        self._session: Session | None = None

    @classmethod
    def describe_guarantee(cls, config: ElasticsearchConfig) -> str:
        """What a user may rely on in this mode."""
        if config.mode == "mirror":
            return "the index converges to the table; a replay changes nothing in the end"
        return "at least once; a row that is replayed keeps its one document"

    async def open(self) -> None:
        """Ask the server who it is. Raises SetupError (login, certificate) and Retryable."""
        from wlf.components.dispatchers._elasticsearch.session import Session

        if self._session is None:
            self._session = Session(self.config)
        await self._session.greet()

    async def dispatch(self, batch: Outgoing) -> Partial | None:
        """Deliver one batch, in as many requests as `max_body_bytes` and the server want.

        Raises:
            Retryable: nothing was delivered: no server, no answer in time, too busy.
            SetupError: the server refuses this user or these requests.
        """
        from wlf.components.dispatchers._elasticsearch.replies import Results

        composed = self._composer.compose(batch)
        results = Results()
        results.rejected.update(composed.rejected)
        parts = list(composed.operations.parts(self.config.max_body_bytes))
        for number, part in enumerate(parts):
            try:
                await self._send(part, results)
            except Retryable as error:
                if number == 0:
                    raise
                left = (event for later in parts[number:] for event in later.events)
                results.retry.update(dict.fromkeys(left, error.message))
                break
        if composed.ignored:
            self._ignored.add(composed.ignored)
        return _partial(composed, results)

    async def _send(self, operations: Operations, results: Results) -> None:
        """One request; where it is too large for the server, its halves."""
        from wlf.components.dispatchers._elasticsearch.replies import TooLarge, read_items

        assert self._session is not None, "open() comes first"
        body = operations.body()
        try:
            answer = await self._session.bulk(body)
        except TooLarge:
            if len(operations) == 1:
                results.rejected[operations.events[0]] = f"413: a document of {len(body)} bytes is too large"
                return
            middle = len(operations) // 2
            await self._send(operations[:middle], results)
            await self._send(operations[middle:], results)
            return
        read_items(answer, operations, results)

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _partial(composed: Composed, results: Results) -> Partial | None:
    """The outcome by event. One that is tried again takes along what came after it on the same documents.

    Else the retry of `id 1 becomes 2` would delete the row 1 that was inserted behind it.
    """
    if results.retry:
        _take_along(composed, results)
    for number in results.rejected:
        results.retry.pop(number, None)
    return Partial(results.retry, results.rejected) if results.retry or results.rejected else None


def _take_along(composed: Composed, results: Results) -> None:
    tainted: set[bytes] = set()
    for number, document in composed.documents.items():
        documents = {document, composed.left.get(number, document)}
        if number in results.retry or not tainted.isdisjoint(documents):
            tainted.update(documents)
            if number not in results.rejected:
                results.retry.setdefault(number, "behind an event of the same row that is tried again")
