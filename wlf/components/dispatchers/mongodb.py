"""MongoDB: each event as a document, the last event of each key, or each row as one that follows its table."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from wlf.components.base import Context, Dispatcher, Outgoing, Partial
from wlf.components.dispatchers._mongodb.options import MongodbConfig
from wlf.components.naming import Namer, NameRefused, NameRule

if TYPE_CHECKING:
    from wlf.components.dispatchers._mongodb.session import Results, Session
    from wlf.components.dispatchers._mongodb.writes import Write

if find_spec("pymongo") is None:  # said here, for only a run imports the client, which takes a while
    raise ModuleNotFoundError("No module named 'pymongo'", name="pymongo")

# https://www.mongodb.com/docs/manual/reference/limits/, "Naming Restrictions"
DATABASE_RULE = NameRule(
    "database", re.compile(r'[/\\. "$*<>:|?\x00]'), max_bytes=63, reserved=frozenset(("admin", "local", "config"))
)
COLLECTION_RULE = NameRule("collection", re.compile(r"[$\x00]"), max_bytes=190, refused_start=".")


class MongodbDispatcher(Dispatcher):
    """Writes events into MongoDB: a document an event, the last event of each key, or a mirror of the rows.

    Delivered means that the server answered so for the write, under the `write_concern`.

    Writes are judged one by one: what the server cannot take for now is tried again, and with it what comes behind it
    in the same collection; what it refuses is rejected with its reason, which never quotes the document.
    """

    type_name: ClassVar[str] = "MongoDB"
    Config = MongodbConfig
    config: MongodbConfig

    def __init__(self, config: MongodbConfig, context: Context) -> None:
        super().__init__(config, context)
        rules = {"names": config.names, "on_missing": config.on_missing}
        self._databases = Namer(config.database, DATABASE_RULE, **rules)  # type: ignore[arg-type]
        self._collections = Namer(config.collection, COLLECTION_RULE, **rules)  # type: ignore[arg-type]
        self._ignored = context.metrics.counter(
            "wlf_dropped_events_total", "Events that were left out, by reason", reason="ddl in a mirror"
        )
        self._session: Session | None = None
        self._compose: Any = None

    @classmethod
    def describe_guarantee(cls, config: MongodbConfig) -> str:
        """What a user may rely on in this mode."""
        if config.mode == "mirror":
            return "the collection converges to the table; a replay changes nothing in the end"
        if config.mode == "upsert":
            return "at least once; each document ends as the last event of its key"
        return "at least once; a row that is replayed keeps its one document"

    async def open(self) -> None:
        """Find a server and log in. Raises SetupError (login, certificate, address) and Retryable."""
        from wlf.components.dispatchers._mongodb.session import Session
        from wlf.components.dispatchers._mongodb.writes import composer

        if self._session is None:
            self._session = Session(self.config)
            self._compose = composer(self.config)
        await self._session.greet()

    async def dispatch(self, batch: Outgoing) -> Partial | None:
        """Deliver one batch, in a call for each collection.

        Raises:
            SetupError: the server refuses this user or this write concern.
        """
        from wlf.components.dispatchers._mongodb.session import Results

        assert self._session is not None, "open() comes first"
        results = Results()
        for names, writes in self._grouped(batch, results).items():
            await self._session.write(names, writes, results)
        for number in results.rejected:
            results.retry.pop(number, None)
        if not (results.retry or results.rejected):
            return None
        return Partial(results.retry, results.rejected)

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _grouped(self, batch: Outgoing, results: Results) -> dict[tuple[str, str], list[Write]]:
        """The writes by database and collection, in order. DDL in a mirror is counted, what has no name refused."""
        from wlf.components.dispatchers._mongodb.writes import Ignored

        rejected = results.rejected
        databases = self._databases.names(batch.events, rejected)
        collections = self._collections.names(batch.events, rejected)
        groups: dict[tuple[str, str], list[Write]] = {}
        for number, event in enumerate(batch.events):
            try:
                writes = self._compose(number, event)
            except Ignored:
                rejected.pop(number, None)
                self._ignored.add()
                continue
            except NameRefused as error:
                rejected.setdefault(number, str(error))
                continue
            if number in rejected:
                continue
            database = databases if isinstance(databases, str) else databases[number]
            collection = collections if isinstance(collections, str) else collections[number]
            groups.setdefault((database, collection), []).extend(writes)
        return groups
