"""The connection: writes out, and by event what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bson
from bson.errors import BSONError
from pymongo import AsyncMongoClient
from pymongo import WriteConcern as Concern
from pymongo.errors import BulkWriteError, DocumentTooLarge, InvalidName, PyMongoError

from wlf.components.dispatchers._mongodb.failures import (
    DUPLICATE,
    check_concern,
    check_login,
    is_passing,
    of_command,
    reason_of,
)
from wlf.components.dispatchers._mongodb.options import MongodbConfig
from wlf.components.dispatchers._mongodb.writes import Write
from wlf.components.tls import TlsConfig, ssl_context
from wlf.errors import Retryable, SetupError

_UNENCODABLE = (BSONError, OverflowError, UnicodeError, DocumentTooLarge)
_MAX_DOCUMENT_BYTES = 16 << 20


class Results:
    """Outcomes by event, over all collections of a batch."""

    def __init__(self) -> None:
        self.retry: dict[int, str] = {}
        self.rejected: dict[int, str] = {}
        self.lost = ""
        """Why nothing more is sent: there is no server."""

    def again(self, writes: Sequence[Write], reason: str) -> None:
        """All of these once more."""
        self.retry.update((write.event, reason) for write in writes)


class Session:
    """A client. Writes on one collection go one call after the other."""

    def __init__(self, config: MongodbConfig) -> None:
        self._ordered = config.ordered
        concern = config.write_concern
        self._concern = Concern(w=concern.w, j=concern.journal, wtimeout=concern.timeout_ms or None)
        try:
            self._client: AsyncMongoClient[Any] = AsyncMongoClient(config.uri, **_options(config))
        except (PyMongoError, ValueError, OSError) as error:
            raise SetupError(
                f"uri: {type(error).__name__}", hint="expected an address as MongoDB's clients take it"
            ) from error

    async def greet(self) -> None:
        """Is there a server that can be written to, and does it take the login? Raises SetupError and Retryable."""
        try:
            await self._client.admin.command("ping")
        except PyMongoError as error:
            found = of_command(error)
            raise (SetupError(found) if isinstance(found, str) else found) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def write(self, names: tuple[str, str], writes: Sequence[Write], results: Results) -> None:
        """All writes of one collection; what comes behind one that goes again is not written before it.

        Raises:
            SetupError: the server is not to be used so.
        """
        left = writes
        while left and not results.lost:
            # One that is refused takes along what else is to be done for its event.
            left = [write for write in left if write.event not in results.rejected]
            left = await self._write(names, left, results) if left else left
        if results.lost:
            results.again(left, results.lost)

    async def _write(self, names: tuple[str, str], writes: Sequence[Write], results: Results) -> Sequence[Write]:
        """One call; the writes that are still to be done."""
        try:
            collection = self._client[names[0]][names[1]].with_options(write_concern=self._concern)
            await collection.bulk_write([write.operation for write in writes], ordered=self._ordered)
        except BulkWriteError as error:
            return self._sorted(error.details or {}, writes, results)
        except InvalidName as error:
            results.rejected.update((write.event, str(error)) for write in writes)
        except _UNENCODABLE as error:
            return _without_unencodable(writes, results, type(error).__name__)
        except PyMongoError as error:
            found = of_command(error)
            if isinstance(found, SetupError):
                raise found from error
            if isinstance(found, Retryable):
                results.lost = found.message
                return writes
            results.rejected.update((write.event, found) for write in writes)
        return ()

    def _sorted(self, details: Any, writes: Sequence[Write], results: Results) -> Sequence[Write]:
        errors = details.get("writeErrors", ())
        unsure = [check_concern(error) for error in details.get("writeConcernErrors", ())]
        for error in errors:
            write = writes[error["index"]]
            reason = reason_of(error)
            check_login(error)
            if write.is_insert and _is_there(error):
                continue
            # Two upserts of a new document at once: the second one finds it there at the next try.
            if is_passing(error.get("code")) or _is_there(error):
                results.retry[write.event] = reason
            else:
                results.rejected[write.event] = reason
        if unsure:
            # Written, but nobody says where it would survive.
            results.again([write for write in writes if write.event not in results.rejected], unsure[0])
            return ()
        if not self._ordered or not errors:
            return ()
        at = int(errors[-1]["index"])
        left = writes[at + 1 :]
        if writes[at].event in results.retry:
            results.again(left, results.retry[writes[at].event])
            return ()
        return left


def _is_there(error: dict[str, Any]) -> bool:
    pattern = error.get("keyPattern")
    on_id = list(pattern) == ["_id"] if pattern else "index: _id_" in str(error.get("errmsg", ""))
    return error.get("code") == DUPLICATE and on_id


def _without_unencodable(writes: Sequence[Write], results: Results, kind: str) -> Sequence[Write]:
    """The client encodes all writes before it sends any: refuse those that cannot be, and go on with the rest."""
    refused: dict[int, str] = {}
    for write in writes:
        try:
            size = len(bson.encode(write.content))
        except _UNENCODABLE as error:
            refused[write.event] = f"cannot be encoded as BSON: {type(error).__name__}"
            continue
        if size > _MAX_DOCUMENT_BYTES:
            refused[write.event] = f"a document of {size} bytes is too large"
    results.rejected.update(refused or {write.event: f"cannot be encoded as BSON: {kind}" for write in writes})
    return [write for write in writes if write.event not in results.rejected]


def _options(config: MongodbConfig) -> dict[str, Any]:
    options: dict[str, Any] = {
        "serverSelectionTimeoutMS": config.connect_timeout_ms,
        "connectTimeoutMS": config.connect_timeout_ms,
        "appname": "wlf",
        # A writer learns of a new primary by its own errors: no second connection that listens.
        "serverMonitoringMode": "poll",
    }
    if config.username is not None and config.password is not None:
        options |= {"username": config.username, "password": config.password.reveal(), "authSource": config.auth_source}
    if config.tls is False:
        return options
    ssl_context(config.tls)  # says which file is wrong; the client only takes the file names
    tls = TlsConfig() if isinstance(config.tls, bool) else config.tls
    secret = tls.key_password.reveal() if tls.key_password is not None else None
    files = {"tlsCAFile": tls.ca, "tlsCertificateKeyFile": tls.cert, "tlsCertificateKeyFilePassword": secret}
    chosen = {name: value for name, value in files.items() if value is not None}
    return options | {"tls": True, "tlsAllowInvalidCertificates": not tls.verify, **chosen}
