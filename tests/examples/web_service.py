"""A web service in a thread, which takes lines of JSON and refuses one message."""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class WebService:
    """Answers 422 to every request with a message that `refuses` is part of, once `may_answer` is set."""

    def __init__(self, refuses: str) -> None:
        self.taken: list[str] = []
        self.asked: list[tuple[str, str | None]] = []
        """Path and login of each request."""
        self.keys: list[str | None] = []
        self.was_asked = threading.Event()
        self.may_answer = threading.Event()
        service = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                status = service.answer(self.path, self.headers, raw)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:  # the one who asked was killed
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._refuses = refuses
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def answer(self, path: str, headers: Any, raw: bytes) -> int:
        """The status for one request."""
        self.asked.append((path, headers["Authorization"]))
        self.keys.append(headers["Idempotency-Key"])
        self.was_asked.set()
        self.may_answer.wait(60)
        messages = [json.loads(line)["message"] for line in gzip.decompress(raw).splitlines()]
        if any(self._refuses in message for message in messages):
            return 422
        self.taken += messages
        return 200

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
