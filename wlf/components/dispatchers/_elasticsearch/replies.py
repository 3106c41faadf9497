"""What the server's answers mean for a batch: delivered, again, refused, or no use trying."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

from wlf.components.dispatchers._elasticsearch.bulk import Operation
from wlf.errors import Retryable, SetupError

FILTER = "errors,items.*.status,items.*.error.type,items.*.error.reason"
"""`filter_path`: all that is read of an answer."""

# How an answer begins and what each item of it has, where no item has an error: most have none, and are not looked at.
_ALL_WELL, _ITEM = b'{"errors":false,', b'"status":'
_MAX_REASON = 300
# Mapping errors quote the document: its id, a preview of a value, the bytes of a term.
_QUOTED_ID = re.compile(r" in document with id '.*?'(?=\.|$)", re.DOTALL)
_QUOTED_VALUE = re.compile(
    r"\.? ?(Preview of field's value|The prefix of the first immense term|For input string).*", re.DOTALL
)


class TooLarge(Exception):
    """413: the request must be sent in parts."""


class Results:
    """Outcomes by event, over all requests of a batch."""

    def __init__(self) -> None:
        self.retry: dict[int, str] = {}
        self.rejected: dict[int, str] = {}

    def add(self, operation: Operation, status: int, error: dict[str, Any]) -> None:
        """One item of an answer. Raises SetupError where the user may not write."""
        kind = str(error.get("type", ""))
        if status < 300 or _is_settled(operation, status):
            return
        reason = f"{status} {kind}: {clean(str(error.get('reason', '')))}".rstrip(": ")
        if kind == "security_exception":
            raise SetupError(f"the server refuses to write: {reason}", hint="look at the privileges of the user or key")
        if status == 429 or status >= 500 or kind in ("cluster_block_exception", "index_not_found_exception"):
            self.retry[operation.event] = reason
        else:
            self.rejected[operation.event] = reason


def _is_settled(operation: Operation, status: int) -> bool:
    """A document that is there already was written before; one that is not there needs no deleting."""
    return (operation.kind == "create" and status == 409) or (operation.kind == "delete" and status == 404)


def read_items(body: bytes, operations: Sequence[Operation], results: Results) -> None:
    """Sort the items of a bulk answer. Raises Retryable where it is no such answer."""
    if body.startswith(_ALL_WELL) and body.count(_ITEM) == len(operations):
        return
    try:
        answer = orjson.loads(body)
        items = answer["items"]
        statuses = [next(iter(item.values())) for item in items]
        outcomes = [(int(found["status"]), found.get("error") or {}) for found in statuses]
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise Retryable("expected the answer to a bulk request, got something else") from error
    if len(outcomes) != len(operations):
        raise Retryable(f"expected {len(operations)} items in the answer to a bulk request, got {len(outcomes)}")
    for operation, (status, failure) in zip(operations, outcomes, strict=True):
        results.add(operation, status, failure if isinstance(failure, dict) else {"reason": failure})


def check_status(status: int, body: bytes) -> None:
    """What the status of a whole request says.

    Raises:
        TooLarge: 413.
        Retryable: 408, 429 and all from 500 on.
        SetupError: everything else but 200.
    """
    if status == 200:
        return
    if status == 413:
        raise TooLarge
    reason = _reason_of(body)
    text = f"the server answers {status}{': ' + reason if reason else ''}"
    if status in (408, 429) or status >= 500:
        raise Retryable(text)
    if status in (401, 403):
        raise SetupError(text, hint="look at username and password, or api_key, and what they may do")
    raise SetupError(text, hint="is this the address of Elasticsearch or OpenSearch?")


def _reason_of(body: bytes) -> str:
    try:
        error = orjson.loads(body)["error"]
        if isinstance(error, str):
            return clean(error)
        return clean(f"{error['type']}: {error['reason']}")
    except (ValueError, KeyError, TypeError):
        return ""


def clean(reason: str) -> str:
    """A reason without what it quotes from documents, in one line."""
    text = _QUOTED_VALUE.sub("", _QUOTED_ID.sub("", reason))
    return " ".join(text.split())[:_MAX_REASON]
