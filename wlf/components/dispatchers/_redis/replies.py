"""What the server's answers mean for the events behind them.

Error codes: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors and server.c (`shared.*err`).
"""

from __future__ import annotations

from typing import Any

from redis.exceptions import (
    AskError,
    AuthenticationError,
    MovedError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from wlf.errors import SetupError

PASSING = frozenset(
    {
        "OOM",
        "READONLY",
        "LOADING",
        "BUSY",
        "CLUSTERDOWN",
        "MASTERDOWN",
        "TRYAGAIN",
        "MISCONF",
        "NOREPLICAS",
        "EXECABORT",
    }
)
"""Error codes of a server that will take the same command later."""
STALE = frozenset({"READONLY", "LOADING", "MASTERDOWN"})
"""Codes after which another server may answer under this address: connect anew."""

# The client cuts the code off the text of these.
_CODES = {
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "ClusterDownError": "CLUSTERDOWN",
    "MasterDownError": "MASTERDOWN",
    "TryAgainError": "TRYAGAIN",
    "ExecAbortError": "EXECABORT",
    "NoPermissionError": "NOPERM",
}


def code_of(error: RedisError) -> str:
    """`WRONGTYPE`, `OOM`, ...: the first word of the server's answer."""
    return _CODES.get(type(error).__name__) or str(error).partition(" ")[0]


def reason_of(error: RedisError) -> str:
    """The server's answer as it was sent."""
    code = _CODES.get(type(error).__name__)
    return f"{code} {error}" if code else str(error)


def refusal(error: RedisError, address: str) -> SetupError | None:
    """The error that ends the run, where trying again cannot help anybody."""
    if isinstance(error, AuthenticationError):
        return SetupError(f"{address}: {error}", hint="check `auth` and `username`")
    if isinstance(error, NoPermissionError):
        return SetupError(f"{address}: {reason_of(error)}", hint="grant the command and the keys: ACL SETUSER")
    text = str(error)
    if text.startswith("unknown command"):
        # The server quotes the arguments, which are the events or, for AUTH, the password.
        return SetupError(
            f"{address}: {text.partition(', with args')[0]}", hint="another `mode`, a newer server, or `rename-command`"
        )
    if isinstance(error, MovedError | AskError):
        return SetupError(
            f"{address}: expected a single server, got a node of a Redis Cluster",
            hint="use a key whose slot this node holds, or a proxy",
        )
    return None


def sort_errors(replies: list[tuple[Any, int]], address: str) -> tuple[dict[int, str], dict[int, str], bool]:
    """(retry, rejected, stale) of pairs (reply, event index): reasons by index.

    Raises:
        SetupError: the server wants a password, a privilege or another client.
    """
    retry: dict[int, str] = {}
    rejected: dict[int, str] = {}
    stale = False
    for reply, index in replies:
        if not isinstance(reply, ResponseError):
            continue
        refused = refusal(reply, address)
        if refused is not None:
            raise refused from reply
        code = code_of(reply)
        stale = stale or code in STALE
        (retry if code in PASSING else rejected)[index] = reason_of(reply)
    return retry, rejected, stale
