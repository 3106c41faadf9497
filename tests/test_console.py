"""The status line and what is logged."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios

from wlf.console import StatusLine


def test_status_line_is_cut_to_the_terminal() -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
    with os.fdopen(theirs, "w") as stream:
        StatusLine(stream).show("kafka 1,000/s | redis 1,000/s")
        assert os.read(ours, 100) == b"\r\x1b[2Kkafka 1,000/s | red"
    os.close(ours)
