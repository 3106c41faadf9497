"""What the server's and the client's errors mean: again, refused, or no use trying.

Codes: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure, PyMongoError, WTimeoutError

from wlf.components.tls import certificate_refused
from wlf.errors import Retryable, SetupError

DUPLICATE = 11000
_MAX_REASON = 300
# fmt: off
_AGAIN = frozenset((
    6, 7, 24, 50, 63, 64, 89, 91, 112, 133, 134, 150, 189, 202, 216, 225, 234, 251, 262, 317, 358, 384, 9001,
    10058, 10107, 11600, 11602, 13388, 13435, 13436, 14031,
))
# fmt: on
_LOGIN = frozenset((11, 13, 18, 33, 8000))
_CONCERN = frozenset((79, 100))
"""A write concern that this server can never satisfy."""
_BAD_NAME = 73
# Errors quote the document: the key that is there already, a value.
_QUOTED = re.compile(r"( dup key:| \(value:|; first element|, full error:).*", re.DOTALL)


def clean(text: str) -> str:
    """A reason without what it quotes from documents, in one line."""
    return " ".join(_QUOTED.sub("", text).split())[:_MAX_REASON]


def reason_of(error: Mapping[str, Any]) -> str:
    """One error of a write."""
    return f"{error.get('code', 0)}: {clean(str(error.get('errmsg', '')))}".rstrip(": ")


def is_passing(code: int | None) -> bool:
    """Will the same write be taken later?"""
    return code in _AGAIN


def check_concern(error: Mapping[str, Any]) -> str:
    """Why the write concern was not satisfied. Raises SetupError where it never can be."""
    reason = reason_of(error)
    if error.get("code") in _CONCERN:
        raise SetupError(f"write concern: {reason}", hint="look at write_concern.w")
    return reason


def check_login(error: Mapping[str, Any]) -> None:
    """Raises SetupError where the user may not write."""
    if error.get("code") in _LOGIN:
        raise SetupError(f"the server refuses to write: {reason_of(error)}", hint="look at the roles of the user")


def of_command(error: PyMongoError) -> Retryable | SetupError | str:
    """What a failed call says of all its writes: tried again, the end of the run, or refused with this reason."""
    if certificate_refused(error) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return SetupError(clean(str(error)), hint="name the certificate authority: tls: {ca: FILE}")
    if isinstance(error, ConnectionFailure | WTimeoutError):
        return Retryable(clean(str(error)))
    if isinstance(error, OperationFailure):
        reason = f"{error.code}: {clean(str(error))}"
        if error.code in _LOGIN:
            return SetupError(reason, hint="look at username, password and auth_source, and at the roles of the user")
        if error.code in _AGAIN or error.has_error_label("RetryableWriteError"):
            return Retryable(reason)
        return reason if error.code == _BAD_NAME else SetupError(reason)
    if isinstance(error, ConfigurationError):
        return SetupError(clean(str(error)), hint="look at uri, username and tls")
    return SetupError(f"{type(error).__name__}: {clean(str(error))}")
