"""Character sets: every character of every one is what the servers have."""

from __future__ import annotations

import random

import pytest

from tests.binlog.dump_charsets import UNDEFINED, characters, charsets
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.binlog.charset import CODECS, MULTIBYTE, UNICODE, Undecodable, charset_of, to_text


def assert_every_character(server: SqlServer) -> int:
    """How many character sets the server has."""
    names = charsets(server)
    for charset in names:
        found = characters(server, charset)
        count = Undecodable()
        text = to_text(charset, count)
        different = {raw.hex(): (shown, text(raw)) for raw, shown in found.items() if text(raw) != shown}
        assert different == {}, charset
        real = charset == "gb18030"  # it has U+FFFD as a character of its own
        assert count.values == sum(shown == UNDEFINED for shown in found.values()) - real, charset
        # The same in the midst of a long text, where one character must not eat the next.
        known = [raw for raw, shown in found.items() if shown != UNDEFINED]
        random.Random(len(found)).shuffle(known)
        assert text(b"".join(known)) == "".join(found[raw] for raw in known), charset
    return len(names)


@pytest.mark.servers
def test_every_character_of_mysql(mysql: MySQL) -> None:
    assert assert_every_character(mysql) == 34


@pytest.mark.servers
def test_every_character_of_mariadb(mariadb: MariaDB) -> None:
    assert assert_every_character(mariadb) == 33


@pytest.mark.servers
def test_every_collation_of_a_server_is_known(mysql: MySQL, mariadb: MariaDB) -> None:
    for server in (mysql, mariadb):
        table = "COLLATIONS" if server is mysql else "COLLATION_CHARACTER_SET_APPLICABILITY"
        rows = server.query(f"SELECT ID, CHARACTER_SET_NAME FROM information_schema.{table} WHERE ID IS NOT NULL")
        assert len(rows) > 100
        assert {charset_of(number) for number, _ in rows} <= {"binary", *CODECS}
        unlike = {number: name for number, name in rows if charset_of(number) != name}
        assert unlike == {}


@pytest.mark.parametrize("charset", sorted(MULTIBYTE - UNICODE))
def test_a_broken_text_is_counted_once_and_read_to_its_end(charset: str) -> None:
    count = Undecodable()
    text = to_text(charset, count)(b"a\x80\xff\xff b\x81")
    assert count.values == 1
    assert text[0] == "a"
    assert UNDEFINED in text
    assert " b" in text
