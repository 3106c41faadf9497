"""The parts of the Docker collector by themselves: frames, times, places, streams, the choice of containers."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.components.fakes import Numbers
from tests.components.rows import configured
from wlf.components.collectors._docker.choice import Choice
from wlf.components.collectors._docker.frames import HEADER, Framed, NoFrames, Raw, Terminal
from wlf.components.collectors._docker.moments import as_parameter, earlier, normal, seconds_between
from wlf.components.collectors._docker.options import DockerConfig, Selection
from wlf.components.collectors._docker.position import Place, Position, decode_position
from wlf.components.collectors._docker.records import DriverRecords
from wlf.components.collectors._docker.stream import Stream
from wlf.components.collectors._docker.tally import Tally
from wlf.components.following.contents import Damaged
from wlf.components.following.multiline import MultilineConfig, grouping_of
from wlf.events.log import Container

TIME = "2026-05-01T10:00:{:02}.000000000Z"
PART = "x" * 16_384


def frame(stream: int, content: bytes) -> bytes:
    return HEADER.pack(stream, len(content)) + content


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50))), st.lists(st.integers(0, 40)))
def test_frames_are_the_same_wherever_the_bytes_are_cut(records: list[tuple[int, bytes]], sizes: list[int]) -> None:
    data = b"".join(frame(*record) for record in records)
    frames = Framed()
    found = [record for piece in cut(data, sizes) for record in frames.feed(piece)]
    assert found == records


def test_bytes_that_are_no_frames_are_an_error() -> None:
    with pytest.raises(NoFrames, match="expected a frame of a log, got 485454502f312e31"):
        Framed().feed(b"HTTP/1.1 400 Bad Request")


@given(st.lists(st.integers(0, 20_000), max_size=8))
def test_text_of_a_terminal_is_cut_at_line_feeds_and_where_a_long_line_goes_on(sizes: list[int]) -> None:
    first, second = (TIME.format(n).encode() + b" " for n in (1, 2))
    part = PART.encode()
    records = [
        first + b"a\r\n",
        second + part,
        second + part,
        second + b"end\r\n",
        first + part + b"\r\n",
        first + b"z",
    ]
    terminal = Terminal()
    found = [record for piece in cut(b"".join(records), sizes) for record in terminal.feed(piece)] + terminal.end()
    assert found == [Raw(1, record) for record in records]


def test_times_have_one_form_whoever_wrote_them() -> None:
    docker = "2026-05-01T10:00:00.123456789Z"
    assert normal(docker) is docker
    assert normal("2026-05-01T10:00:00Z") == "2026-05-01T10:00:00.000000000Z"
    assert normal("2026-05-01T10:00:00.12Z") == "2026-05-01T10:00:00.120000000Z"
    assert normal("2026-05-01T12:00:00.5+02:00") == "2026-05-01T10:00:00.500000000Z"
    with pytest.raises(ValueError):
        normal("unfinished")


def test_times_are_asked_for_in_seconds_and_nanoseconds() -> None:
    time = "2026-05-01T00:00:03.123456789Z"
    assert earlier(time, 5) == "2026-04-30T23:59:58.123456789Z"
    assert as_parameter(time) == "1777593603.123456789"
    assert (earlier("", 5), as_parameter("")) == ("", "0")
    assert seconds_between(time, earlier(time, 5)) == -5


def test_a_position_is_the_same_when_it_comes_from_the_store_and_says_where_it_is() -> None:
    position = Position("shop", Place(TIME.format(7), 2, 1, TIME.format(9), 2), since=TIME.format(7), ended="x")
    assert decode_position(position.encode()) == position
    assert position.describe() == f"shop: stdout {TIME.format(7)} (2), stderr at its beginning"


@pytest.mark.parametrize(
    ("cursor", "position", "covers"),
    [
        (Place("b", 1), Place("b", 1), True),
        (Place("b", 2), Place("b", 1), True),
        (Place("b", 1), Place("b", 2), False),
        (Place("b", 1), Place("a", 9), True),
        (Place("b", 9), Place("c", 1), False),
        (Place("z", 9), Place("a", 1, era=1), False),
        (Place("a", 1, era=1), Place("z", 9), True),
        (Place(), Place("a", 1), False),
    ],
)
def test_a_place_covers_another_one_by_time_and_count_unless_the_clock_was_set_back(
    cursor: Place, position: Place, covers: bool
) -> None:
    for other in (Place(), Place("m", 3)):
        assert Position("c", cursor, other).covers(Position("c", position, other)) is covers
        assert Position("c", other, cursor).covers(Position("c", other, position)) is covers


class Reading:
    """A Stream that is fed lines; `texts` are those of its events."""

    def __init__(self, place: Place = Place(), **options: object) -> None:  # noqa: B008 - frozen
        self.numbers = Numbers()
        multiline = options.get("multiline")
        self.stream = Stream(
            place,
            grouping_of(multiline) if isinstance(multiline, MultilineConfig) else None,
            int(str(options.get("max_line_bytes", 1 << 20))),
            Tally(self.numbers),
            merges=bool(options.get("merges", True)),
        )
        self.stream.is_podman = bool(options.get("is_podman"))
        self.made: list[tuple[str, tuple[str, ...]]] = []

    def take(self, second: int, text: str | bytes) -> Reading:
        raw = text if isinstance(text, bytes) else text.encode()
        return self.add(self.stream.take(TIME.format(second).encode() + b" " + raw))

    def add(self, made: object) -> Reading:
        self.made += [(each.text, each.flags) for each in made]  # type: ignore[attr-defined]
        return self

    @property
    def texts(self) -> list[str]:
        return [text for text, _ in self.made]


def test_parts_of_a_line_are_one_event() -> None:
    reading = Reading().take(1, "a\n").take(2, PART).take(2, PART).take(2, "end\n").take(3, "b\n")
    assert reading.made == [("a", ()), (PART + PART + "end", ()), ("b", ())]


def test_a_line_feed_that_the_local_driver_leaves_out_ends_the_line_all_the_same() -> None:
    reading = Reading().take(1, PART).take(1, "end").take(2, "b\n").take(3, PART).take(4, "c\n")
    assert reading.made == [(PART + "end", ()), ("b", ()), (PART, ()), ("c", ())]


def test_a_line_without_an_end_is_not_put_together_with_the_first_one_after_a_restart() -> None:
    assert Reading().take(1, "last").take(2, "first\n").texts == ["last", "first"]


def test_podman_ends_a_line_with_a_line_feed_only() -> None:
    reading = Reading(is_podman=True).take(1, "be").take(2, "gin").take(3, "\n").take(3, "last")
    assert reading.texts == ["begin"]
    assert reading.add(reading.stream.end()).texts == ["begin", "last"]


def test_parts_stay_apart_where_they_are_not_merged() -> None:
    reading = Reading(merges=False).take(1, PART).take(1, PART).take(1, "end\n").take(2, "b\n")
    flags = [flags for _, flags in reading.made]
    assert flags == [("partial",), ("continued", "partial"), ("continued",), ()]


def test_a_character_that_lies_in_two_parts_stays_one() -> None:
    text = ("x" * 16_383 + "ä\n").encode()
    reading = Reading().take(1, text[:16_384]).take(1, text[16_384:])
    assert reading.texts == ["x" * 16_383 + "ä"]
    assert reading.numbers["wlf_docker_replaced_lines_total",] == 0


def test_bytes_that_are_no_text_are_replaced_and_counted() -> None:
    reading = Reading().take(1, b"\xff\n").take(2, PART.encode()).take(2, b"\xff\n")
    assert reading.texts == ["\ufffd", PART + "\ufffd"]
    assert reading.numbers["wlf_docker_replaced_lines_total",] == 2


def test_a_line_that_is_too_long_is_cut_marked_and_counted() -> None:
    reading = Reading(max_line_bytes=20_000).take(1, PART).take(1, PART).take(1, "end\n").take(2, "b\n")
    assert reading.made == [("x" * 20_000, ("truncated",)), ("b", ())]
    assert reading.numbers["wlf_docker_truncated_lines_total",] == 1
    assert reading.numbers["wlf_docker_cut_bytes_total",] == 2 * 16_384 + 3 - 20_000


def test_lines_end_with_a_line_feed_or_with_that_of_a_terminal() -> None:
    assert Reading().take(1, "a\r\n").take(1, "\r\n").take(1, "\n").take(1, "b\rc\n").texts == ["a", "", "", "b\rc"]


def test_a_record_without_a_time_has_that_of_the_one_before() -> None:
    reading = Reading(is_podman=True).take(1, "a\n")
    assert reading.add(reading.stream.take(b"more\n")).texts == ["a", "more"]
    assert reading.stream.place() == Place(TIME.format(1), 2)


RECORDS = [(1, "a"), (2, "b"), (2, "c"), (2, "d"), (3, "e"), (3, "f")]


@pytest.mark.parametrize("taken", range(len(RECORDS) + 1))
def test_reading_goes_on_behind_the_place_also_among_records_of_the_same_time(taken: int) -> None:
    first = Reading()
    for second, text in RECORDS[:taken]:
        first.take(second, f"{text}\n")
    second_life = Reading(first.stream.place())
    second_life.stream.reread("", None)
    for second, text in RECORDS:
        second_life.take(second, f"{text}\n")
    assert first.texts + second_life.texts == list("abcdef")
    assert not second_life.stream.has_gap


def test_what_was_rotated_away_is_told_as_a_gap_and_all_that_is_there_is_read() -> None:
    reading = Reading(Place(TIME.format(2), 2))
    reading.stream.reread(TIME.format(1), None)
    assert reading.take(3, "e\n").take(4, "f\n").texts == ["e", "f"]
    assert reading.stream.has_gap


def test_nothing_is_missed_where_the_last_record_was_not_asked_for() -> None:
    reading = Reading(Place(TIME.format(2), 2))
    reading.stream.reread(TIME.format(3), None)
    assert reading.take(3, "e\n").texts == ["e"]
    assert not reading.stream.has_gap


def read_through(reading: Reading, records: list[tuple[int, str]], is_there: bool | None = None) -> None:
    """Read a log as it is read: from its beginning again where the stream does not trust what comes."""
    reading.stream.reread("", is_there)
    for second, text in records:
        reading.take(second, f"{text}\n")
        if reading.stream.fell_to is not None:
            return read_through(reading, records, True)
    return None


@pytest.mark.parametrize("taken", range(7))
def test_reading_goes_on_behind_the_place_also_where_the_clock_was_set_back(taken: int) -> None:
    records = [(5, "a"), (6, "b"), (6, "c"), (2, "d"), (3, "e"), (7, "f")]
    first = Reading()
    read_through(first, records[:taken])
    second_life = Reading(first.stream.place())
    read_through(second_life, records, True if taken else None)
    assert first.texts + second_life.texts == list("abcdef")
    assert second_life.stream.place() == Place(TIME.format(7), 1, era=1)


@pytest.mark.parametrize("repeated", [[(6, "c")], [(5, "a"), (6, "b"), (6, "c")]])
def test_what_comes_again_within_a_stream_is_not_taken_before_the_log_is_read_again(
    repeated: list[tuple[int, str]],
) -> None:
    reading = Reading()
    for second, text in [(5, "a"), (6, "b"), (6, "c"), *repeated, (7, "d")]:
        if reading.stream.fell_to is None:
            reading.take(second, f"{text}\n")
    assert reading.stream.fell_to == TIME.format(repeated[0][0])
    read_through(reading, [(5, "a"), (6, "b"), (6, "c"), (7, "d")], True)
    assert reading.texts == list("abcd")


def test_all_is_new_where_the_last_record_is_looked_for_and_not_there() -> None:
    reading = Reading(Place(TIME.format(9), 2))
    reading.stream.reread("", False)
    assert reading.take(3, "e\n").take(4, "f\n").texts == ["e", "f"]
    assert reading.stream.place() == Place(TIME.format(4), 1, era=1, peak=TIME.format(9))


def test_what_is_held_is_not_yet_passed() -> None:
    reading = Reading(multiline=MultilineConfig(continue_=r"^\s"))
    reading.take(1, "a\n").take(2, "b\n").take(2, " b2\n")
    assert reading.texts == ["a"]
    assert reading.stream.place() == Place(TIME.format(2), 0)
    reading.take(2, "c\n")
    assert reading.texts == ["a", "b\n b2"]
    assert reading.stream.place() == Place(TIME.format(2), 2)


def test_a_line_that_waited_too_long_goes_on_marked_after_a_restart_too() -> None:
    reading = Reading().take(1, PART)
    reading.add(reading.stream.overdue())
    assert reading.made == [(PART, ("partial",))]
    next_life = Reading(reading.stream.place())
    next_life.stream.reread("", None)
    next_life.take(1, PART).take(1, "end\n").take(2, "b\n")
    assert next_life.made == [("end", ("continued",)), ("b", ())]


def local_record(stream: str, nanos: int, line: bytes, *, is_part: bool = False, is_last: bool = False) -> bytes:
    """As the driver local writes it."""

    def varint(value: int) -> bytes:
        return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)

    message = b"\x0a" + varint(len(stream)) + stream.encode() + b"\x10" + varint(nanos)
    message += b"\x1a" + varint(len(line)) + line
    if is_part:
        message += b"\x20\x01" + (b"\x2a\x04\x08\x01\x18\x02" if is_last else b"\x2a\x02\x18\x01")
    length = len(message).to_bytes(4, "big")
    return length + message + length


def test_records_of_the_driver_local_are_read_wherever_the_bytes_are_cut() -> None:
    lines = [("stdout", b"a\r"), ("stderr", b""), ("stdout", "ä€".encode())]
    body = b"".join(local_record(stream, 10**18 + number, line) for number, (stream, line) in enumerate(lines))
    records = DriverRecords(lambda count: None)
    columns = records.parse(body)
    assert (columns.streams, columns.texts, columns.parts) == (["stdout", "stderr", "stdout"], ["a", "", "ä€"], None)
    assert columns.times == [f"2001-09-09T01:46:40.00000000{number}Z" for number in range(3)]
    starts = records.offsets(body, 100)
    ends = [*(start - 100 for start in starts[1:]), len(body)]
    for cut_at in range(len(body) + 1):
        assert records.last_end(body[:cut_at]) == max((end for end in ends if end <= cut_at), default=0)


def test_parts_of_the_driver_local_share_a_character_and_a_short_one_is_the_last() -> None:
    text = ("x" * 16_383 + "€").encode()
    records = [
        local_record("stdout", 1, text[:16_384], is_part=True),
        local_record("stderr", 2, b"between"),
        local_record("stdout", 1, text[16_384:], is_part=True, is_last=True),
        local_record("stdout", 3, b"without an end", is_part=True),
    ]
    replaced: list[int] = []
    columns = DriverRecords(replaced.append).parse(b"".join(records))
    assert columns.parts == [True, False, False, False]
    assert columns.texts == ["x" * 16_383, "between", "€", "without an end"]
    assert not replaced


@pytest.mark.parametrize("damage", [4, -1])
def test_a_damaged_record_of_the_driver_local_is_told(damage: int) -> None:
    body = bytearray(local_record("stdout", 1, b"a"))
    body[damage] ^= 0x7F
    records = DriverRecords(lambda count: None)
    with pytest.raises(Damaged):
        records.parse(bytes(body[: records.last_end(bytes(body))]))


SHOP = Container("0" * 64, "shop-web-1", "registry:5000/team/shop:1.2", {"team": "shop", "tier": "web"})


@pytest.mark.parametrize(
    ("include", "exclude", "means"),
    [
        (Selection(), Selection(), True),
        (Selection(names=["shop-*"]), Selection(), True),
        (Selection(names=["web", "*-2"]), Selection(), False),
        (Selection(names=["shop-*"], images=["*/shop:*"]), Selection(), True),
        (Selection(names=["shop-*"], images=["*/shop:2*"]), Selection(), False),
        (Selection(labels=["team"]), Selection(), True),
        (Selection(labels=["team=s*"]), Selection(), True),
        (Selection(labels=["team=web"]), Selection(), False),
        (Selection(), Selection(names=["shop-web-?"]), False),
        (Selection(), Selection(names=["x"], labels=["tier=*"]), False),
        (Selection(labels=["team"]), Selection(names=["x"]), True),
    ],
)
def test_containers_are_chosen_by_name_image_and_label(include: Selection, exclude: Selection, means: bool) -> None:
    assert Choice(include, exclude).means(SHOP) is means


@pytest.mark.parametrize(
    ("own", "means"), [("0123456789ab", False), ("0123456789ac", True), ("0123", True), ("", True)]
)
def test_wlf_does_not_read_what_it_writes_itself(own: str, means: bool) -> None:
    container = Container("0123456789ab" + "c" * 52, "wlf")
    assert Choice(Selection(), Selection(), own).means(container) is means


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"address": "/var/run/docker.sock"}, "address: expected unix:///path/of/its.sock or tcp://host:port, got"),
        ({"address": "unix://"}, "address: expected unix"),
        ({"address": "tcp://"}, "address: expected unix"),
        ({"tls": True}, "tls: expected a tcp:// address with it, got 'unix:///var/run/docker.sock'"),
    ],
)
def test_an_address_that_cannot_be_one_is_told_before_the_run(options: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        configured(DockerConfig, destination="next", **options)
