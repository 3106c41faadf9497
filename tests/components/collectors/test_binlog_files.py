"""Which binlog files are read, in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from wlf.components.collectors._binlog.files import FileReader, files_from, find_files
from wlf.components.collectors._binlog.place import Position
from wlf.errors import SetupError


def _make(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())


def test_files_are_read_by_number_once_each(tmp_path: Path) -> None:
    _make(tmp_path, "b.1000000", "b.999999", "b.index")
    found = find_files([f"{tmp_path}/b.[0-9]*", f"{tmp_path}/b.999999"])
    assert [path.name for path in found] == ["b.999999", "b.1000000"]


def test_pattern_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no file matches"):
        find_files([f"{tmp_path}/b.*"])


def test_two_files_of_one_name_are_an_error(tmp_path: Path) -> None:
    _make(tmp_path / "one", "b.000001")
    _make(tmp_path / "two", "b.000001")
    with pytest.raises(SetupError, match="same name"):
        find_files([f"{tmp_path}/*/b.*"])


def test_reading_goes_on_in_the_file_of_the_position(tmp_path: Path) -> None:
    files = [tmp_path / "b.000001", tmp_path / "b.000002", tmp_path / "b.000003"]
    assert files_from(files, Position("b.000002", 77)) == files[1:]
    assert files_from(files, None) == files


def test_missing_file_of_the_position_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"b\.000007, where reading goes on at 77, is not among"):
        files_from([tmp_path / "b.000008"], Position("b.000007", 77))


def test_file_is_read_in_pieces_from_the_offset(tmp_path: Path) -> None:
    _make(tmp_path, "b.000001")
    reader = FileReader(tmp_path / "b.000001", 2)
    assert [reader.read(4), reader.read(4), reader.read(4)] == [b"0000", b"01", b""]
    reader.close()
    reader.close()


def test_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot read: No such file"):
        FileReader(tmp_path / "b.000001")
