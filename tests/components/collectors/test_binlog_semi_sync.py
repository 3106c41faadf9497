"""What is told to a server that waits for acknowledgements: only what is stored, and all of that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wlf.components.collectors._binlog.place import Position
from wlf.components.collectors._binlog.semi_sync import Acknowledger, packet


class Server:
    def __init__(self) -> None:
        self.wanted: tuple[str, int] | None = None
        self.got: list[bytes] = []
        self.acknowledger = Acknowledger(lambda: self.wanted, self.got.append, "one")

    def stored(self, file: str, offset: int, server: str = "one") -> list[bytes]:
        self.got.clear()
        self.acknowledger.stored(Position(file, offset, server))
        return list(self.got)


def test_packet_is_a_command_with_offset_and_file() -> None:
    assert packet("b.000001", 5_000_000_000) == b"\x11\0\0\0\xef" + (5_000_000_000).to_bytes(8, "little") + b"b.000001"


def test_nothing_is_said_before_the_server_asks() -> None:
    assert Server().stored("b.000001", 500) == []


def test_stored_place_answers_for_all_before_it() -> None:
    server = Server()
    server.wanted = ("b.000001", 900)
    assert server.stored("b.000001", 500) == [packet("b.000001", 500)]
    assert server.stored("b.000001", 900) == [packet("b.000001", 900)]


def test_place_beyond_what_was_asked_for_is_not_claimed_and_nothing_is_said_twice() -> None:
    server = Server()
    server.wanted = ("b.999999", 900)
    assert server.stored("b.1000000", 4) == [packet("b.999999", 900)]
    assert server.stored("b.1000000", 4) == []
    server.wanted = ("b.1000000", 300)
    assert server.stored("b.1000000", 4) == [packet("b.1000000", 4)]


def test_position_on_another_server_is_none_of_this_ones_business() -> None:
    server = Server()
    server.wanted = ("b.000001", 900)
    assert server.stored("b.000001", 900, "two") == []


@given(st.lists(st.tuples(st.integers(4, 99), st.integers(4, 99))))
def test_no_place_is_acknowledged_before_it_is_stored(steps: list[tuple[int, int]]) -> None:
    server, said = Server(), 0
    stored = wanted = 0
    for wish, progress in steps:
        stored, wanted = max(stored, progress), max(wanted, wish)
        server.wanted = ("b.000001", wanted)
        for sent in server.stored("b.000001", stored):
            offset = int.from_bytes(sent[5:13], "little")
            assert said < offset <= stored
            said = offset
        assert said == min(stored, wanted)
