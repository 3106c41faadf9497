"""A run keeps what it measured whatever happens behind it, and fails where a floor of wlf does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import suites
from benchmarks.bench_decode import FLOORS
from benchmarks.loads import LOADS
from benchmarks.report import pages
from benchmarks.report.book import Book, load, save
from benchmarks.report.targets import DECODE, DECODED
from benchmarks.result import Result
from benchmarks.suites import Step, problems
from tests.servers.cache import NotInstalled

Set = Callable[..., Path]


@pytest.fixture
def made_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Set:
    """A suite of these steps, and where its results go."""

    def put(*steps: Step) -> Path:
        monkeypatch.setattr(pages, "LATEST", tmp_path / "latest.json")
        monkeypatch.setitem(command.WHICH, "ours", lambda stack, **options: list(steps))
        return tmp_path / "latest.json"

    return put


def result(case: str = "a way", who: str = "wlf", **figures: float) -> Result:
    return Result(suite="end to end", case=case, who=who, input="A", events=10, seconds=1.0, **figures)


def step(name: str, *results: Result) -> Step:
    return Step(name, lambda: iter(results))


def broken(reason: Exception) -> Step:
    def run() -> Iterator[Result]:
        yield result("before it broke")
        raise reason

    return Step("broken", run)


def test_results_of_a_run_that_broke_are_kept(made_of: Set) -> None:
    path = made_of(step("one", result("one")), broken(RuntimeError("no more")))
    with pytest.raises(RuntimeError):
        command.main([])
    assert [r.case for r in load(path).results] == ["one", "before it broke"]


def test_a_step_whose_server_is_missing_is_told_and_the_others_run(
    made_of: Set, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made_of(broken(NotInstalled("kafka is not installed")), step("two", result("two")))
    assert command.main([]) == 0
    assert [r.case for r in load(path).results] == ["before it broke", "two"]
    assert "broken: kafka is not installed" in capsys.readouterr().err


def test_only_the_named_steps_run(made_of: Set) -> None:
    path = made_of(step("latency 100", result("one")), step("backlog A", result("two")))
    command.main(["--only", "latency"])
    assert [r.case for r in load(path).results] == ["one"]


def test_results_of_another_machine_are_kept_with_its_name(made_of: Set) -> None:
    path = made_of(step("two", result("two")))
    save(Book(machine="another", results=[result("one")]), path)
    command.main([])
    assert [(r.case, r.machine) for r in load(path).results] == [("one", "another"), ("two", "")]


def test_a_quick_run_leaves_the_whole_ones_alone_and_is_not_shown(made_of: Set) -> None:
    path = made_of(step("one", result("one")))
    command.main(["--quick"])
    assert not path.exists()
    assert len(load(path.with_name("quick.json")).results) == 1
    with pytest.raises(SystemExit):
        command.main(["--quick", "--publish"])


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (result(lost=3), "a way, A: 3 lost"),
        (result(peak_rss_mb=151.0), "a way, A: 151 MB"),
        (Result(suite="s", case="c", who="wlf", input="A", missing="it ended"), "c, A: it ended"),
    ],
)
def test_a_loss_a_large_process_and_a_failure_of_wlf_make_the_run_fail(
    made_of: Set, capsys: pytest.CaptureFixture[str], found: Result, told: str
) -> None:
    made_of(step("one", found))
    assert command.main([]) == 1
    assert f"does not hold: {told}" in capsys.readouterr().err


def test_what_a_peer_loses_does_not_make_the_run_fail(made_of: Set) -> None:
    made_of(step("one", result(), result(who="a peer", lost=5, peak_rss_mb=900.0)))
    assert command.main([]) == 0


@pytest.mark.parametrize(("share", "holds"), [(1.01, True), (0.99, False)])
def test_a_floor_of_decoding_holds_or_is_told(share: float, holds: bool) -> None:
    floor = FLOORS["A"][1]
    ours = Result(suite=DECODE, case=DECODED, who="wlf", input="A", events=100, cpu_seconds=1.0)
    other = Result(suite=DECODE, case=DECODED, who="mysqlbinlog -v", input="A", events=100, cpu_seconds=floor * share)
    book = Book(machine="")
    book.add([ours, other])
    assert (problems(book, [ours]) == []) is holds


def test_every_corpus_has_a_floor() -> None:
    assert set(FLOORS) == set(LOADS)


def test_what_another_checkout_lacks_is_left_out() -> None:
    assert suites._is_there("benchmarks.report")
    assert not suites._is_there("benchmarks.nowhere.at_all")
