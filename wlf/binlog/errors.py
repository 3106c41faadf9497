"""What goes wrong while a binlog is read, beside plain corruption."""

from __future__ import annotations

from wlf.errors import DecodeError, WlfError


class ServerRefused(WlfError):
    """The server ended the dump with an ERR packet, for instance 1236: purged file or GTIDs, a bad position.

    `code`, `sqlstate` (five characters, "" when the packet has none) and `message` are the server's own.
    """

    def __init__(self, code: int, sqlstate: str, message: str) -> None:
        self.code = code
        self.sqlstate = sqlstate
        self.message = message
        super().__init__(f"error {code} ({sqlstate}) from the server: {message}")


class UnsupportedEvent(DecodeError):
    """An intact event that this version cannot decode; skipping it would lose changes.

    `event` is the event type's name, `variable` the server variable that causes it ("" when there is none).
    """

    def __init__(self, event: str, variable: str, advice: str, *, file: str, position: int | None) -> None:
        self.event = event
        self.variable = variable
        cause = f" (server variable {variable})" if variable else ""
        super().__init__(f"cannot decode {event} events{cause}: {advice}", file=file, position=position)
