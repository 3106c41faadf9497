"""The figures that are shown are those of the file, in every page, and what is missing is told and not guessed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks.contender import ContainerSource, FileSink, FileSource, KafkaSink
from benchmarks.peers.rsyslog import Rsyslog
from benchmarks.peers.syslog_ng import SyslogNg
from benchmarks.report import pages, tables, targets
from benchmarks.report.__main__ import main as publish
from benchmarks.report.book import DOES_NOT, Book, load, save
from benchmarks.report.chart import draw
from benchmarks.report.targets import (
    DECODE,
    DECODED,
    E2E,
    FILE,
    KAFKA,
    KEYED,
    LATENCY,
    LINES_INPUT,
    PEERS,
    Reached,
    reached,
)
from benchmarks.result import Result

MACHINE = "2 cores of something & others, Python 3"


def made_up(*results: Result) -> Book:
    book = Book(machine=MACHINE)
    book.add(results)
    return book


def peer(case: str, who: str, input: str, rate: int, **figures: float) -> Result:
    return Result(suite=PEERS, case=case, who=who, input=input, events=rate * 10, seconds=10.0, **figures)


def target(book: Book, text: str) -> Reached:
    return next(row for row in reached(book) if text in row.what)


@pytest.mark.parametrize("path", [pages.README, pages.PAGE, pages.CHART], ids=lambda path: path.name)
def test_a_page_shows_what_the_file_holds(path: Path) -> None:
    fresh = pages.rendered(load(pages.KEPT))[path]
    assert path.read_text(encoding="utf-8") == fresh, "run `python -m benchmarks.report`"


def test_results_come_back_from_their_file(tmp_path: Path) -> None:
    book = made_up(peer(KAFKA, "wlf", "A", 100, lost=2), Result(suite=PEERS, case="", who="Maxwell", missing="gone"))
    save(book, tmp_path / "book.json")
    assert load(tmp_path / "book.json") == book


def test_a_newer_result_takes_the_place_of_the_older_one() -> None:
    book = made_up(peer(KAFKA, "wlf", "A", 100), peer(KAFKA, "wlf", "B", 100), peer(KAFKA, "wlf", "A", 200))
    assert [(r.input, r.events) for r in book.results] == [("A", 2000), ("B", 1000)]


def test_results_of_another_machine_stay_and_are_compared_with_none_of_this_one() -> None:
    book = made_up(peer(KAFKA, "wlf", "A", 600), peer(KAFKA, "Debezium engine", "A", 100), peer(KAFKA, "wlf", "B", 900))
    book.move_to("another")
    book.add([peer(KAFKA, "wlf", "B", 800), peer(KAFKA, "Debezium engine", "B", 100)])
    assert [(r.input, r.who, r.machine) for r in book.results] == [
        ("A", "wlf", MACHINE),
        ("A", "Debezium engine", MACHINE),
        ("B", "wlf", ""),
        ("B", "Debezium engine", ""),
    ]
    assert target(book, "binlog -> Kafka / Debezium, A").reached == "6.00 x"
    assert target(book, "binlog -> Kafka / Debezium, B").reached == "8.00 x"
    text = pages.page_sections(book)
    assert text["machine"] == f"Measured on another; what is marked [2] on {MACHINE}."
    assert f"| {KAFKA} [2] | A | wlf |" in text["results"]
    assert f"| {KAFKA} | B | wlf |" in text["results"]
    book.add([peer(KAFKA, "wlf", "A", 700)])
    assert target(book, "binlog -> Kafka / Debezium, A").holds is None


def test_results_that_come_home_are_marked_no_more() -> None:
    book = made_up(peer(KAFKA, "wlf", "A", 600))
    book.move_to("another")
    book.move_to(MACHINE)
    assert book == made_up(peer(KAFKA, "wlf", "A", 600))


def test_publishing_a_part_keeps_the_earlier_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept, part = tmp_path / "kept.json", tmp_path / "part.json"
    monkeypatch.setattr(pages, "KEPT", kept)
    monkeypatch.setattr(pages, "write", lambda book: None)
    save(made_up(peer(KAFKA, "wlf", "A", 600), peer(FILE, "wlf", "A", 100)), kept)
    later = Book(machine="another", versions={"rivet": "2"}, results=[peer(FILE, "wlf", "A", 200)])
    save(later, part)
    publish([str(part)])
    assert [(r.case, r.events, r.machine) for r in load(kept).results] == [(KAFKA, 6000, MACHINE), (FILE, 2000, "")]
    assert load(kept).versions == {"rivet": "2"}
    publish([str(part), "--anew"])
    assert load(kept) == later


def test_the_fastest_of_several_peers_is_what_counts() -> None:
    book = made_up(
        peer(KAFKA, "wlf", "A", 600), peer(KAFKA, "Debezium engine", "A", 100), peer(KAFKA, "Debezium Server", "A", 50)
    )
    assert target(book, "binlog -> Kafka / Debezium, A")[1:] == ("6 x", "6.00 x", True)
    slower = made_up(peer(KAFKA, "wlf", "A", 590), peer(KAFKA, "Debezium engine", "A", 100))
    assert target(slower, "binlog -> Kafka / Debezium, A").holds is False


def test_a_target_without_its_peer_is_not_measured_and_says_why() -> None:
    absent = Result(suite=PEERS, case="", who="Maxwell", missing="cannot be had")
    row = target(made_up(peer(KAFKA, "wlf", "A", 600), absent), "Maxwell, A")
    assert (row.reached, row.holds, row.verdict) == ("not measured: cannot be had", None, "")


def test_decoding_is_compared_by_cpu_seconds() -> None:
    ours = Result(suite=DECODE, case=DECODED, who="wlf", input="C", events=100, cpu_seconds=1.0)
    book = made_up(
        ours, Result(suite=DECODE, case=DECODED, who="mysqlbinlog -v", input="C", events=100, cpu_seconds=1.5)
    )
    assert target(book, "mysqlbinlog -v`, C")[2:] == ("1.50 x", True)


def test_memory_is_a_share_of_the_least_that_debezium_takes() -> None:
    ours = peer(KEYED, "wlf", "D", 10, peak_rss_mb=100.0)
    others = [
        peer(KEYED, who, "D", 10, peak_rss_mb=mb)
        for who, mb in (("Debezium engine", 300.0), ("Debezium Server", 500.0))
    ]
    row = target(made_up(ours, *others), "share of Debezium's")
    assert (row.reached, row.holds) == ("0.33", False)


def test_three_sinks_are_weighed_against_kafka_alone_with_the_same_input() -> None:
    def end_to_end(case: str, input: str, cpu: float) -> Result:
        return Result(suite=E2E, case=case, who="wlf", input=input, events=1000, seconds=1.0, cpu_seconds=cpu)

    book = made_up(
        end_to_end(KAFKA, "A", 1.0),
        end_to_end(KAFKA, "C", 5.0),
        end_to_end(f"{KAFKA} + Redis XADD + OpenSearch append", "A", 2.0),
    )
    assert target(book, "beside Kafka alone")[2:] == ("2.00 x", True)


@pytest.mark.parametrize(("p99", "holds"), [(14.9, True), (15.1, False)])
def test_latency_may_be_ten_milliseconds_over_a_bare_clients(p99: float, holds: bool) -> None:
    found = [
        Result(suite=LATENCY, case="commit", who=who, input="1,000 tx/s", events=10, p99_ms=ms)
        for who, ms in (("wlf", p99), ("aiokafka echo", 5.0))
    ]
    assert target(made_up(*found), "p99").holds is holds


def test_peak_memory_is_that_of_wlf_alone() -> None:
    book = made_up(peer(FILE, "wlf", "A", 1, peak_rss_mb=149.0), peer(FILE, "rivet", "A", 1, peak_rss_mb=900.0))
    assert target(book, "peak RSS in any").holds is True
    book.add([peer(FILE, "wlf", "B", 1, peak_rss_mb=151.0)])
    assert target(book, "peak RSS in any").holds is False


def test_what_a_peer_does_not_do_is_not_shown_and_what_failed_is() -> None:
    book = made_up(
        peer(FILE, "wlf", "A", 1),
        Result(suite=PEERS, case=FILE, who="rsyslog", input="A", missing=DOES_NOT),
        Result(suite=PEERS, case=FILE, who="rivet", input="A", missing="it ended | badly"),
    )
    text = tables.everything(book, PEERS)
    assert "rsyslog" not in text
    assert "none: it ended \\| badly" in text
    assert "rivet: none" in tables.comparison(book, PEERS)
    assert book.absent() == {"rivet": "it ended | badly"}


def test_losses_are_shown() -> None:
    assert "| 3 / 4 |" in tables.everything(made_up(peer(FILE, "wlf", "A", 1, lost=3, duplicates=4)), PEERS)


def test_logs_have_a_table_of_their_own_with_the_ratio_to_each_peer_and_what_it_lost() -> None:
    book = made_up(peer(KAFKA, "wlf", "A", 100))
    for case in targets.LOGS:
        book.add([peer(case, "wlf", LINES_INPUT, 300), peer(case, "rsyslog", LINES_INPUT, 200)])
        book.add([peer(case, "syslog-ng", LINES_INPUT, 600, lost=1_000, duplicates=2)])
    change_data, logs = pages.readme_section(book).split("Logs, in ")
    for case in targets.LOGS:
        assert f"| {case} |" not in change_data
        line = next(line for line in logs.splitlines() if line.startswith(f"| {case} |"))
        assert "rsyslog **1.50**; syslog-ng **0.50** (1,000 lost, 2 twice)" in line


def test_every_way_of_log_lines_is_measured_beside_both_peers() -> None:
    ways = {SyslogNg.name: SyslogNg.does, Rsyslog.name: Rsyslog.does}
    for source, sink in ((FileSource, FileSink), (FileSource, KafkaSink), (ContainerSource, FileSink)):
        assert all((source, sink) in does for does in ways.values())


def test_a_chart_without_results_says_so() -> None:
    assert "nothing was measured yet" in draw(made_up(), "make bench")


def test_a_chart_has_a_bar_for_each_figure_and_names_who_is_missing() -> None:
    book = made_up(
        peer(KAFKA, "wlf", "A", 131_000),
        peer(KAFKA, "wlf", "B", 83_000),
        peer(KAFKA, "Debezium engine", "A", 21_000),
        Result(suite=PEERS, case="", who="Maxwell & Co", missing="cannot be had"),
    )
    drawn = ElementTree.fromstring(draw(book, "make bench-peers"))
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text or "" for text in drawn.iter(f"{space}text")]
    bars = [bar.get("class") for bar in drawn.iter(f"{space}rect")]
    assert (bars.count("ours"), bars.count("peer")) == (2, 1)
    assert "131 k rows/s" in texts
    assert "21 k (0.16x)" in texts
    assert f"make bench-peers on {MACHINE}" in texts
    assert any("Maxwell & Co" in text for text in texts)


def test_the_longest_bar_of_a_panel_is_that_of_the_fastest() -> None:
    book = made_up(peer(KAFKA, "wlf", "A", 50), peer(KAFKA, "native", "A", 100))
    space = "{http://www.w3.org/2000/svg}"
    widths = {
        bar.get("class"): float(bar.get("width", 0))
        for bar in ElementTree.fromstring(draw(book, "")).iter(f"{space}rect")
        if bar.get("class") in ("ours", "peer")
    }
    assert widths["peer"] == pytest.approx(2 * widths["ours"], rel=0.01)


def test_every_text_of_the_chart_lies_inside_of_it() -> None:
    longest = [peer(KAFKA, who, input, 1_234_567) for who in ("wlf", "Debezium engine") for input in "ABC"]
    drawn = ElementTree.fromstring(draw(made_up(*longest), "make bench and make bench-peers"))
    width = int(drawn.get("width", 0))
    for text in drawn.iter("{http://www.w3.org/2000/svg}text"):
        reach = 7 * len(text.text or "")  # generous for 11 and 12 px
        left = float(text.get("x", 0))
        assert left - reach >= 0 if text.get("text-anchor") == "end" else left + reach <= width, text.text


def test_a_page_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected <!-- benchmarks -->"):
        pages.put("no marks", "benchmarks", "text")


def test_every_suite_that_has_targets_has_a_table() -> None:
    assert {DECODE, PEERS, E2E, LATENCY} <= set(tables.SUITES)
    assert targets.RSS_LIMIT_MB == 150
