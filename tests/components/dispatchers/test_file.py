"""File: lines land whole and once in the right file, whatever events are called and whenever the process dies."""

import asyncio
import errno
import gzip
import json
import os
import signal
import subprocess
import sys
import textwrap

import msgspec
import pytest
import zstandard

from tests.components.fakes import Batch, SetClock, make_context
from wlf.components.config import decode_hook
from wlf.components.dispatchers._file import store as file_store
from wlf.components.dispatchers.file import FileConfig, FileDispatcher
from wlf.errors import Retryable, SetupError
from wlf.events import LogLine, RowInsert, SchemaChange

COMPRESSIONS = ["none", "gzip", "zstd"]


def configure(**options):
    return msgspec.convert({"id": "out", **options}, FileConfig, dec_hook=decode_hook)


def make(clock=None, **options):
    return FileDispatcher(configure(**options), make_context("out", clock))


def row(n, table="t", database="d"):
    return RowInsert(database, table, "insert", n)


def rows(count, start=0, **names):
    return [row(n, **names) for n in range(start, start + count)]


async def write(out, *batches, flush=True):
    await out.open()
    results = [await out.dispatch(Batch(batch, out.config.format)) for batch in batches]
    if flush:
        await out.flush()
    return results


def write_and_close(out, *batches):
    async def run():
        try:
            return await write(out, *batches)
        finally:
            await out.close()

    return asyncio.run(run())


def text_of(path):
    raw = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(raw)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True).read()
    return raw


def stamps(path):
    return [json.loads(line)["ts"] for line in text_of(path).splitlines()]


def files_below(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


# Where lines go


@pytest.mark.parametrize(("compression", "suffix"), [("none", ""), ("gzip", ".gz"), ("zstd", ".zst")])
def test_lines_are_appended_in_order_and_a_restart_goes_on(tmp_path, compression, suffix):
    path = tmp_path / f"out.jsonl{suffix}"
    write_and_close(make(path=str(path), compression=compression), rows(3), rows(2, 3))
    write_and_close(make(path=str(path), compression=compression), rows(2, 5))
    assert stamps(path) == list(range(7))
    assert text_of(path).endswith(b"\n")


@pytest.mark.parametrize(("tool", "compression", "suffix"), [("gzip", "gzip", ".gz"), ("zstd", "zstd", ".zst")])
def test_the_usual_tools_read_compressed_files(tmp_path, tool, compression, suffix):
    path = tmp_path / f"out.jsonl{suffix}"
    for start in (0, 2):
        write_and_close(make(path=str(path), compression=compression), rows(2, start))
    try:
        found = subprocess.run([tool, "-dc", path], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip(f"{tool} is not installed")
    assert found.stdout == text_of(path)
    assert stamps(path) == [0, 1, 2, 3]


def test_messagepack_goes_into_members(tmp_path):
    path = tmp_path / "out.gz"
    write_and_close(make(path=str(path), compression="gzip", format="msgpack"), rows(2))
    unpacked = text_of(path)
    assert unpacked == b"".join(msgspec.msgpack.Encoder().encode(event) for event in rows(2))


def test_each_table_has_its_file_and_directories_are_made(tmp_path):
    out = make(path=f"{tmp_path}/new/%{{/database}}/%{{/table}}.jsonl")
    write_and_close(out, [row(0, "a"), row(1, "b"), row(2, "a"), row(3, "a", "e")])
    assert files_below(tmp_path) == ["new/d/a.jsonl", "new/d/b.jsonl", "new/e/a.jsonl"]
    assert stamps(tmp_path / "new/d/a.jsonl") == [0, 2]


def test_a_relative_path_lies_below_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = make(path="out/%{/table}.jsonl")
    monkeypatch.chdir("/")
    write_and_close(out, rows(1))
    assert files_below(tmp_path) == ["out/t.jsonl"]


def test_ten_thousand_tables_keep_few_files_open(tmp_path):
    out = make(path=f"{tmp_path}/%{{/table}}.jsonl", max_open_files=16)
    tables = [f"t{n % 10_000}" for n in range(20_000)]
    open_files = []

    async def run():
        await out.open()
        for start in range(0, len(tables), 2000):
            await out.dispatch(Batch([row(n, tables[n]) for n in range(start, start + 2000)]))
            open_files.append(len(os.listdir("/proc/self/fd")))
        out._store._dirty.clear()  # ten thousand fsyncs would say nothing more
        await out.close()

    asyncio.run(run())
    assert len(os.listdir(tmp_path)) == 10_000
    assert stamps(tmp_path / "t9999.jsonl") == [9_999, 19_999]
    assert max(open_files) - min(open_files) <= 16


# What events cannot do


@pytest.mark.parametrize(
    ("table", "file"),
    [
        ("..", "__.jsonl"),
        ("../../etc/passwd", ".._.._etc_passwd.jsonl"),
        ("/etc/passwd", "_etc_passwd.jsonl"),
        ("my table", "my table.jsonl"),
        ("表", "表.jsonl"),
        ('a"b', 'a"b.jsonl'),
    ],
)
def test_names_that_would_lead_elsewhere_are_replaced(tmp_path, table, file):
    base = tmp_path / "base"
    assert write_and_close(make(path=f"{base}/%{{/table}}.jsonl"), [row(1, table)]) == [None]
    assert files_below(tmp_path) == [f"base/{file.replace('__.jsonl', '...jsonl') if table == '..' else file}"]


@pytest.mark.parametrize(("name", "directory"), [("..", "__"), (".", "_"), ("", "_"), ("a/b", "a_b")])
def test_directory_names_cannot_climb(tmp_path, name, directory):
    base = tmp_path / "base"
    write_and_close(make(path=f"{base}/%{{/database}}/x.jsonl"), [row(1, database=name)])
    assert files_below(tmp_path) == [f"base/{directory}/x.jsonl"]


def test_names_reject_refuses_them_with_the_reason(tmp_path):
    out = make(path=f"{tmp_path}/%{{/database}}/%{{/table}}.jsonl", names="reject")
    (result,) = write_and_close(out, [row(1), row(2, database=".."), row(3, table="a/b"), row(4, table="x" * 300)])
    assert result.retry == {}
    assert result.rejected[1] == "expected a file name, got '..'"
    assert result.rejected[2] == "expected a file name, got 'a/b.jsonl'"
    assert sorted(result.rejected) == [1, 2, 3]
    assert files_below(tmp_path) == ["d/t.jsonl"]


def test_nul_is_always_refused(tmp_path):
    out = make(path=f"{tmp_path}/%{{/database}}/%{{/table}}.jsonl")
    (result,) = write_and_close(out, [row(1, table="a\0b")])
    assert result.rejected == {0: "expected a file name without NUL, got 'd/a/b.jsonl'"}


def test_long_names_are_cut_and_stay_apart(tmp_path):
    out = make(path=f"{tmp_path}/%{{/table}}.jsonl")
    write_and_close(out, [row(1, "表" * 100 + "a"), row(2, "表" * 100 + "b")])
    names = os.listdir(tmp_path)
    assert len(names) == 2
    assert all(len(name.encode()) <= 200 and name.endswith(".jsonl") for name in names)


def test_two_tables_never_share_a_file_by_replacement(tmp_path):
    out = make(path=f"{tmp_path}/%{{/table}}.jsonl")
    (result,) = write_and_close(out, [row(1, "a_b"), row(2, "a/b"), row(3, "a_b")])
    assert result.rejected == {1: "'a/b.jsonl' and 'a_b.jsonl' would both be written to 'a_b.jsonl'"}
    assert stamps(tmp_path / "a_b.jsonl") == [1, 3]


def test_a_slash_in_a_name_is_not_a_directory_of_the_template(tmp_path):
    out = make(path=f"{tmp_path}/%{{/database}}/%{{/table}}.jsonl")
    (result,) = write_and_close(out, [row(1, "b/c", "a"), row(2, "c", "a/b")])
    assert result is None
    assert files_below(tmp_path) == ["a/b_c.jsonl", "a_b/c.jsonl"]


def test_symbolic_links_are_not_followed(tmp_path):
    base, outside = tmp_path / "base", tmp_path / "outside"
    base.mkdir()
    outside.mkdir()
    (outside / "victim").write_text("{}")
    (base / "evil").symlink_to(outside)
    (base / "link.jsonl").symlink_to(outside / "victim")
    (base / "good").mkdir()
    by_directory = make(path=f"{base}/%{{/database}}/x.jsonl", base_dir=str(base))
    (result,) = write_and_close(by_directory, [row(1, database="evil"), row(2, database="good")])
    assert result.rejected == {0: f"{base}/evil/x.jsonl: Not a directory"}
    (result,) = write_and_close(make(path=f"{base}/%{{/table}}.jsonl"), [row(1, "link")])
    assert "Too many levels of symbolic links" in result.rejected[0]
    assert files_below(outside) == ["victim"]
    assert (outside / "victim").read_text() == "{}"


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    out = make(path=f"{tmp_path}/%{{/table}}")
    (result,) = write_and_close(out, [row(1, "fifo"), row(2, "directory"), row(3, "file")])
    assert result.rejected == {
        0: f"{tmp_path}/fifo: expected a regular file",
        1: f"{tmp_path}/directory: Is a directory",
    }


def test_events_without_the_field_are_rejected_or_named_by_on_missing(tmp_path):
    lines = [LogLine("files", 1.0, "m"), row(2), SchemaChange("d", "database-create", 3, "create database d")]
    (result,) = write_and_close(make(path=f"{tmp_path}/a/%{{/table}}"), lines)
    assert result.rejected == {0: "no value at /table in LogLine", 2: "no value at /table in SchemaChange"}
    (result,) = write_and_close(make(path=f"{tmp_path}/b/%{{/table}}", on_missing="none"), lines)
    assert result is None
    assert files_below(tmp_path / "b") == ["none", "t"]


# What a config may say


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": ""}, "expected the path of a file"),
        ({"path": "out/"}, "expected the path of a file"),
        ({"path": "out/%{/database}/../x"}, "expected a path below"),
        ({"path": "/etc/x", "base_dir": "/srv"}, "expected a path below /srv, got '/etc/x'"),
        ({"path": "/srv/../etc/x", "base_dir": "/srv"}, "expected a path below /srv"),
        ({"path": "x/%{/database", "base_dir": "/srv"}, "expected '}'"),
        ({"path": "x", "format": "msgpack"}, "expected compression gzip or zstd with format msgpack"),
        ({"path": "x", "compression": "lz4"}, "compression"),
        ({"path": "x", "rotate": {"max_byte": 5}}, "max_byte"),
        ({"path": "x", "rotate": {"interval_ms": 5}}, ">= 1000"),
        ({"path": "x", "max_open_files": 0}, ">= 1"),
    ],
)
def test_a_wrong_option_is_told_before_running(options, message):
    with pytest.raises(msgspec.ValidationError, match=message):
        configure(**options)


def test_an_absolute_path_below_base_dir_is_fine(tmp_path):
    write_and_close(make(path=f"{tmp_path}/a/%{{/table}}", base_dir=str(tmp_path)), rows(1))
    assert files_below(tmp_path) == ["a/t"]


def test_a_base_that_is_no_directory_is_told_at_open(tmp_path):
    (tmp_path / "base").write_text("")
    with pytest.raises(SetupError, match="base: "):
        write_and_close(make(path=f"{tmp_path}/base/x.jsonl"), rows(1))


# Crashes


@pytest.mark.parametrize(("compression", "suffix"), [("none", ""), ("gzip", ".gz"), ("zstd", ".zst")])
def test_a_torn_tail_is_cut_back_at_every_byte(tmp_path, compression, suffix, caplog):
    path = tmp_path / f"out.jsonl{suffix}"
    sizes = [0]
    for n in range(3):
        write_and_close(make(path=str(path), compression=compression), [row(n)])
        sizes.append(path.stat().st_size)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        caplog.clear()
        assert write_and_close(make(path=str(path), compression=compression), [row(9)]) == [None]
        survived = sum(size <= cut for size in sizes) - 1
        assert stamps(path) == [*range(survived), 9]
        assert bool(caplog.records) == (cut not in sizes)


@pytest.mark.parametrize(("compression", "suffix"), [("gzip", ".gz"), ("zstd", ".zst")])
def test_a_damaged_last_member_is_cut_off(tmp_path, compression, suffix):
    path = tmp_path / f"out.jsonl{suffix}"
    write_and_close(make(path=str(path), compression=compression), rows(5))
    first = path.stat().st_size
    write_and_close(make(path=str(path), compression=compression), rows(5, 5))
    whole = path.read_bytes()
    for at in range(first + 20, len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        write_and_close(make(path=str(path), compression=compression), [row(10)])
        assert stamps(path) == [0, 1, 2, 3, 4, 10]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_file_that_wlf_did_not_write_is_left_alone(tmp_path, compression):
    path = tmp_path / "notes"
    path.write_bytes(b"dear diary,\nno line end")
    (result,) = write_and_close(make(path=str(path), compression=compression), rows(2))
    assert sorted(result.rejected) == [0, 1]
    assert "not written by wlf" in result.rejected[0]
    assert path.read_bytes() == b"dear diary,\nno line end"


CRASHING = """
    import asyncio, sys
    sys.path.insert(0, sys.argv[3])
    from tests.components.dispatchers.test_file import Batch, make, rows

    async def run():
        out = make(path=sys.argv[1], compression=sys.argv[2])
        await out.open()
        for start in range(0, 1_000_000, 50):
            await out.dispatch(Batch(rows(50, start)))
            if start % 250 == 200:
                await out.flush()
                print(start + 50, flush=True)

    asyncio.run(run())
"""


@pytest.mark.crash
@pytest.mark.parametrize(("compression", "suffix"), [("none", ""), ("gzip", ".gz"), ("zstd", ".zst")])
def test_kill_loses_nothing_that_was_flushed_and_leaves_no_torn_line(tmp_path, compression, suffix):
    path = tmp_path / f"out.jsonl{suffix}"
    arguments = [sys.executable, "-c", textwrap.dedent(CRASHING), str(path), compression, os.getcwd()]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as victim:
        flushed = [int(victim.stdout.readline()) for _ in range(4)]
        victim.send_signal(signal.SIGKILL)
        flushed += [int(line) for line in victim.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
    write_and_close(make(path=str(path), compression=compression), [row(-1)])
    found = stamps(path)
    assert found == [*range(len(found) - 1), -1]
    assert len(found) - 1 >= flushed[-1]


# A disk that is full, or fails


@pytest.fixture
def failing_writes(monkeypatch):
    """`os.write` takes this many more bytes and then says that the disk is full."""
    room = [10**9]
    real = os.write

    def write(fd, content):
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = real(fd, bytes(content)[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(file_store.os, "write", write)
    yield room
    monkeypatch.undo()


@pytest.mark.parametrize("room", range(0, 180, 7))
def test_a_full_disk_is_retried_and_leaves_no_torn_line(tmp_path, failing_writes, room):
    path = tmp_path / "out.jsonl"
    out = make(path=str(path))

    async def run():
        await write(out, rows(2))
        before = path.read_bytes()
        failing_writes[0] = room
        with pytest.raises(Retryable, match="No space left on device"):
            await out.dispatch(Batch(rows(4, 2)))
        assert path.read_bytes() == before
        failing_writes[0] = 10**9
        await write(out, rows(4, 2))
        await out.close()

    asyncio.run(run())
    assert stamps(path) == list(range(6))


def test_a_real_size_limit_is_retried_and_leaves_no_torn_line(tmp_path):
    path = tmp_path / "out.jsonl"
    script = textwrap.dedent("""
        import asyncio, resource, sys
        sys.path.insert(0, sys.argv[2])
        from tests.components.dispatchers.test_file import Batch, make, rows
        from wlf.errors import Retryable

        async def run():
            out = make(path=sys.argv[1])
            await out.open()
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 2000))
            for start in range(0, 100, 10):
                try:
                    await out.dispatch(Batch(rows(10, start)))
                except Retryable as error:
                    print(start, error)
                    break
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
            await out.dispatch(Batch(rows(10, start)))
            await out.flush()

        asyncio.run(run())
    """)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), os.getcwd()], capture_output=True, text=True, check=True
    )
    failed_at, reason = done.stdout.split(" ", 1)
    assert reason.strip().endswith("File too large")
    assert stamps(path) == list(range(int(failed_at) + 10))


def test_only_the_file_that_failed_is_retried(tmp_path, monkeypatch):
    (tmp_path / "locked.jsonl").write_text("")
    other = make(path=f"{tmp_path}/locked.jsonl")
    out = make(path=f"{tmp_path}/%{{/table}}.jsonl")

    async def run():
        await write(other, rows(1))
        (result,) = await write(out, [row(1, "a"), row(2, "locked"), row(3, "b")])
        assert result.rejected == {}
        assert result.retry == {1: "locked.jsonl: another dispatcher writes this file"}
        await other.close()
        assert await write(out, [row(2, "locked")]) == [None]
        await out.close()

    asyncio.run(run())
    assert stamps(tmp_path / "locked.jsonl") == [0, 2]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_lines_that_wait_for_a_member_survive_a_full_disk(tmp_path, failing_writes, compression):
    path = tmp_path / f"out.{'gz' if compression == 'gzip' else 'zst'}"
    out = make(path=str(path), compression=compression)

    async def run():
        await write(out, rows(3), flush=False)
        failing_writes[0] = 10
        with pytest.raises(Retryable, match="No space"):
            await out.flush()
        await out.close()
        await out.open()
        with pytest.raises(Retryable, match="No space"):
            await out.flush()
        failing_writes[0] = 10**9
        await out.flush()
        await out.close()

    asyncio.run(run())
    assert stamps(path) == [0, 1, 2]


def test_no_more_is_taken_while_packed_lines_cannot_be_written(tmp_path, failing_writes):
    big = [RowInsert("d", "t", "insert", n, data="x" * 1000) for n in range(1200)]
    out = make(path=f"{tmp_path}/out.gz", compression="gzip")

    async def run():
        await write(out, big, flush=False)
        failing_writes[0] = 0
        with pytest.raises(Retryable, match="No space"):
            await out.dispatch(Batch(rows(1)))
        failing_writes[0] = 10**9
        await write(out, rows(1))
        await out.close()

    asyncio.run(run())
    assert stamps(tmp_path / "out.gz") == [*range(1200), 0]


def test_a_failed_fsync_ends_the_run_and_is_never_forgotten(tmp_path, monkeypatch):
    out = make(path=f"{tmp_path}/out.jsonl")

    def fail(fd):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def run():
        await write(out, rows(1), flush=False)
        with monkeypatch.context() as patch:
            patch.setattr(file_store.os, "fsync", fail)
            with pytest.raises(
                SetupError, match=r"out.jsonl: Input/output error: written lines did not reach the disk"
            ):
                await out.flush()
        with pytest.raises(SetupError, match="Input/output error"):
            await out.flush()
        await out.close()

    asyncio.run(run())


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_flush_syncs_files_before_the_directories_that_name_them(tmp_path, monkeypatch, compression):
    (tmp_path / "base").mkdir()
    out = make(path=f"{tmp_path}/base/%{{/database}}/%{{/table}}", compression=compression)
    synced = []
    real = os.fsync
    monkeypatch.setattr(
        file_store.os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), real(fd))
    )

    async def run():
        await write(out, [row(1, "a"), row(2, "b")], flush=False)
        assert synced == []
        await out.flush()
        first = [path.removeprefix(f"{tmp_path}/") for path in synced]
        assert first == ["base/d/a", "base/d/b", "base", "base/d"]
        synced.clear()
        await out.flush()
        assert synced == []
        await write(out, [row(3, "a")])
        assert [path.removeprefix(f"{tmp_path}/") for path in synced] == ["base/d/a"]
        await out.close()

    asyncio.run(run())


def test_a_closed_file_is_synced_all_the_same(tmp_path, monkeypatch):
    out = make(path=f"{tmp_path}/%{{/table}}", max_open_files=1)
    synced = set()
    real = os.fsync
    monkeypatch.setattr(file_store.os, "fsync", lambda fd: (synced.add(os.fstat(fd).st_ino), real(fd)))
    write_and_close(out, [row(n, f"t{n}") for n in range(4)])
    assert {(tmp_path / f"t{n}").stat().st_ino for n in range(4)} <= synced


def test_a_timed_out_write_goes_on_and_the_next_waits_for_it(tmp_path, monkeypatch):
    import threading

    gate = threading.Event()
    entered = threading.Event()
    real = os.write

    def slow(fd, content):
        entered.set()
        gate.wait()
        return real(fd, content)

    out = make(path=f"{tmp_path}/out.jsonl")

    async def run():
        await out.open()
        monkeypatch.setattr(file_store.os, "write", slow)
        first = asyncio.create_task(out.dispatch(Batch(rows(2))))
        await asyncio.to_thread(entered.wait)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = asyncio.create_task(out.dispatch(Batch(rows(2))))
        asyncio.get_running_loop().call_soon(gate.set)
        await second
        await out.flush()
        await out.close()

    asyncio.run(run())
    assert stamps(tmp_path / "out.jsonl") == [0, 1, 0, 1]


# Rotation


def test_rotation_by_size_numbers_upwards_and_goes_on_after_a_restart(tmp_path):
    size = len(json.dumps(msgspec.to_builtins(row(0)), separators=(",", ":"))) + 1
    for start in (0, 4):
        out = make(path=f"{tmp_path}/out.jsonl", rotate={"max_bytes": 2 * size})
        write_and_close(out, *([row(n)] for n in range(start, start + 4)))
    assert {name: stamps(tmp_path / name) for name in os.listdir(tmp_path)} == {
        "out.000001.jsonl": [0, 1],
        "out.000002.jsonl": [2, 3],
        "out.000003.jsonl": [4, 5],
        "out.jsonl": [6, 7],
    }


@pytest.mark.parametrize(("compression", "suffix"), [("gzip", ".gz"), ("zstd", ".zst")])
def test_rotated_compressed_files_keep_their_suffix(tmp_path, compression, suffix):
    out = make(path=f"{tmp_path}/out.jsonl{suffix}", compression=compression, rotate={"max_bytes": 1})

    async def run():
        for n in range(3):
            await write(out, [row(n)])
        await out.close()

    asyncio.run(run())
    assert files_below(tmp_path) == [f"out.000001.jsonl{suffix}", f"out.000002.jsonl{suffix}", f"out.jsonl{suffix}"]
    assert stamps(tmp_path / f"out.000002.jsonl{suffix}") == [1]


def test_rotation_by_time_follows_the_clock_also_after_a_restart(tmp_path):
    path = tmp_path / "out.jsonl"
    clock = SetClock(7200 * 100 + 10)

    def hour(n):
        clock.now = 3600 * n + 5
        write_and_close(make(clock, path=str(path), rotate={"interval_ms": 3_600_000}), [row(n)], [row(n)])
        os.utime(path, (clock.now, clock.now))

    for n in (200, 200, 201, 205):
        hour(n)
    assert stamps(tmp_path / "out.000001.jsonl") == [200] * 4
    assert stamps(tmp_path / "out.000002.jsonl") == [201] * 2
    assert stamps(path) == [205] * 2


def test_keep_removes_the_oldest_of_this_file_only(tmp_path):
    (tmp_path / "b.000001.jsonl").write_text("other")
    for start in (0, 5):
        out = make(path=f"{tmp_path}/a.jsonl", rotate={"max_bytes": 1, "keep": 2})
        write_and_close(out, *([row(n)] for n in range(start, start + 5)))
    assert files_below(tmp_path) == ["a.000008.jsonl", "a.000009.jsonl", "a.jsonl", "b.000001.jsonl"]


def test_a_table_cannot_pass_for_a_rotated_file(tmp_path):
    out = make(path=f"{tmp_path}/%{{/table}}.jsonl", rotate={"max_bytes": 1})
    (result,) = write_and_close(out, [row(1, "t.000001"), row(2, "t")])
    assert result.rejected == {0: "'t.000001.jsonl' looks like a rotated file of another table"}


def test_the_rotated_file_and_its_directory_are_synced_at_once(tmp_path, monkeypatch):
    out = make(path=f"{tmp_path}/out.jsonl", rotate={"max_bytes": 1})
    synced = []
    real = os.fsync
    monkeypatch.setattr(
        file_store.os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), real(fd))
    )

    async def run():
        await write(out, [row(1)], [row(2)], flush=False)
        assert synced == [f"{tmp_path}/out.jsonl", str(tmp_path)]
        await out.close()

    asyncio.run(run())


def test_a_file_moved_away_from_outside_is_begun_anew_after_the_next_flush(tmp_path):
    path = tmp_path / "out.jsonl"
    out = make(path=str(path))

    async def run():
        await write(out, rows(1))
        path.rename(tmp_path / "moved")
        await write(out, rows(1, 1))
        await write(out, rows(1, 2))
        await out.close()

    asyncio.run(run())
    assert stamps(tmp_path / "moved") == [0, 1]
    assert stamps(path) == [2]


def test_a_file_cut_from_outside_is_written_on(tmp_path):
    path = tmp_path / "out.jsonl"
    out = make(path=str(path), max_open_files=1)

    async def run():
        await write(out, rows(3))
        os.truncate(path, 0)
        await write(out, rows(1, 3))
        await out.close()

    asyncio.run(run())
    assert stamps(path) == [3]


# Edges


def test_an_empty_batch_makes_no_file(tmp_path):
    assert write_and_close(make(path=f"{tmp_path}/out.jsonl"), []) == [None]
    assert os.listdir(tmp_path) == []


def test_closing_twice_and_without_opening_is_fine(tmp_path):
    async def run():
        out = make(path=f"{tmp_path}/out.jsonl")
        await out.close()
        await out.flush()
        await write(out, rows(1))
        await out.close()
        await out.close()

    asyncio.run(run())
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 1


def test_a_constant_path_with_a_name_too_long_is_a_wrong_config(tmp_path):
    out = make(path=f"{tmp_path}/{'x' * 300}", names="reject")
    with pytest.raises(SetupError, match="expected a file name"):
        write_and_close(out, rows(1))
