"""The options of the Binlog collector."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from wlf.components.collectors._binlog.options import BinlogConfig, StartOptions, parse_host
from wlf.components.config import decode_hook


def _config(**options: Any) -> BinlogConfig:
    return msgspec.convert({"id": "b", "destination": "d", **options}, BinlogConfig, dec_hook=decode_hook)


def test_a_server_is_asked_unless_there_are_only_files() -> None:
    assert _config().has_server
    assert not _config(files=["b.*"]).has_server
    assert _config(files=["b.*"], host="db").has_server
    assert _config(files=["b.*"], unix_socket="/run/mysqld.sock").has_server


def test_checksums_are_verified_in_files_and_not_in_streams() -> None:
    assert _config(files=["b.*"]).checks_crc
    assert not _config().checks_crc
    assert _config(verify_checksum=True).checks_crc
    assert not _config(files=["b.*"], verify_checksum=False).checks_crc


def test_start_takes_words_files_and_gtids() -> None:
    assert _config().start == "latest"
    assert _config(start="earliest").start == "earliest"
    assert _config(start={"file": "b.000001"}).start == StartOptions(file="b.000001", position=4)
    assert _config(start={"gtid": "0-1-2"}).start == StartOptions(gtid="0-1-2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": {}}, "expected either `file`"),
        ({"start": {"file": "b.000001", "gtid": "0-1-2"}}, "expected either `file`"),
        ({"start": {"gtid": "0-1-2", "position": 5}}, "no `position` beside"),
        ({"start": {"gtid": "0-1-2"}, "files": ["b.*"]}, "no `start.gtid` with `files`"),
        ({"start": "oldest"}, "oldest"),
        ({"host": "db", "unix_socket": "/s"}, "only one of `host`, `hosts` and `unix_socket`"),
        ({"hosts": ["a", "b"], "host": "db"}, "only one of `host`, `hosts` and `unix_socket`"),
        ({"hosts": ["a"], "files": ["b.*"]}, "no `hosts` with `files`"),
        ({"snapshot": "initial", "files": ["b.*"]}, "no `snapshot` with `files`"),
        ({"snapshot": {"include": ["shop.*"]}, "files": ["b.*"], "host": "db"}, "no `snapshot` with `files`"),
        ({"hosts": ["a:3306", "b", "a"]}, "expected each of `hosts` once, got a twice"),
        ({"hosts": ["a:port"]}, "expected HOST or HOST:PORT"),
        ({"tables": {"include": ["orders"]}}, "expected a glob database.table"),
        ({"columns": {"mask": ["shop.orders"]}}, "expected a glob database.table.column"),
        ({"server_id": 0}, "server_id"),
        ({"server_id": 2**32}, "server_id"),
        ({"tls": {"mode": "maybe"}}, "maybe"),
        ({"hots": "db"}, "hots"),
    ],
)
def test_option_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        _config(**options)


def test_password_is_never_shown() -> None:
    assert "hunter2" not in repr(_config(password="hunter2", columns={"hash_salt": "hunter2"}))


def test_address_says_where_the_server_is() -> None:
    assert _config().address == "127.0.0.1:3306"
    assert _config(host="db", port=3307).address == "db:3307"
    assert _config(unix_socket="/run/mysqld.sock").address == "/run/mysqld.sock"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("db", ("db", None)),
        ("db.example.com:3307", ("db.example.com", 3307)),
        ("10.0.0.7:1", ("10.0.0.7", 1)),
        ("::1", ("::1", None)),
        ("[fe80::1%eth0]:3307", ("fe80::1%eth0", 3307)),
    ],
)
def test_host_may_have_a_port_and_be_an_ipv6_address(text: str, found: tuple[str, int | None]) -> None:
    assert parse_host(text) == found


@pytest.mark.parametrize("text", ["", "db:0", "db:65536", "db:", ":3306", "[::1", "http://db", "user@db", "a b"])
def test_host_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected HOST or HOST:PORT"):
        parse_host(text)


def test_address_of_an_ipv6_host_can_be_typed_again() -> None:
    assert parse_host(_config(host="::1", port=3307).address) == ("::1", 3307)
