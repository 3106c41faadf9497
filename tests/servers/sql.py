"""What MariaDB and MySQL have in common as test servers: options, connections and the binary log."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pymysql
from pymysql.connections import Connection
from pymysql.constants import ER

from tests.servers.cache import locked
from tests.servers.commands import run
from tests.servers.server import Server, ServerError

Options = Mapping[str, str | int | None]

SYSTEM_DATABASES = {"information_schema", "mysql", "performance_schema", "sys"}


class SqlServer(Server):
    """A MariaDB or MySQL server with a row-based binary log; a subclass says how it is initialised and run.

    `options` are server options without the leading dashes, over the defaults; None drops a default, an empty string
    gives the option without a value.
    """

    user: ClassVar[str] = "root"
    password: ClassVar[str] = "password"
    binlog_program: ClassVar[str]
    reset_binlog: ClassVar[str]
    defaults: ClassVar[dict[str, str | int]]

    def __init__(
        self,
        datadir: Path | str,
        *,
        options: Options | None = None,
        edition: str | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(datadir, edition=edition, port=port)
        self.options: dict[str, str | int | None] = {**self.defaults, **_dashed(options or {})}

    # What a subclass says.

    def base_argv(self, data: Path) -> list[str]:
        """The server program with the options that every run of it needs, on the given data directory."""
        raise NotImplementedError

    def initialise(self, data: Path) -> None:
        """Make a pristine data directory with `root_sql` applied, in which no binary log was written yet."""
        raise NotImplementedError

    # What a test does.

    @property
    def data(self) -> Path:
        """The server's own data directory, where the binary log lies."""
        return self.datadir / "data"

    @property
    def socket(self) -> Path:
        """The server's Unix socket."""
        return self.data / "server.sock"

    def connect(self, **options: Any) -> Connection[Any]:
        """A connection as root over TCP, autocommit; every argument of `pymysql.connect` is taken."""
        account = {"host": self.host, "port": self.port, "user": self.user, "password": self.password}
        return _Connection(**{**account, "autocommit": True, "connect_timeout": 10, **options})

    def query(self, sql: str, arguments: object = None) -> list[tuple[Any, ...]]:
        """The rows of one statement on a connection of its own."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    def execute(self, *statements: str, database: str | None = None) -> None:
        """Run statements on one connection of their own."""
        with self.connect(database=database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def binlog_files(self) -> list[Path]:
        """The files of the binary log in order, also while the server is down."""
        index = self.data / f"{self.options['log-bin']}.index"
        return [self.data / line.strip() for line in index.read_text().splitlines() if line.strip()]

    def flush_logs(self) -> Path:
        """Begin a new binary log file; the path of the one that is complete now."""
        complete = self.binlog_files()[-1]
        self.query("FLUSH BINARY LOGS")
        return complete

    def reset(self) -> None:
        """Drop all that tests created except accounts, and begin an empty binary log."""
        for (database,) in self.query("SHOW DATABASES"):
            if database not in SYSTEM_DATABASES:
                self.query(f"DROP DATABASE `{database}`")
        self.query(self.reset_binlog)

    def program(self, name: str) -> Path:
        """The path of a client program of this server."""
        return self.home / "bin" / name

    def binlog_dump(self, *files: Path, options: tuple[str, ...] = ("-v", "--base64-output=DECODE-ROWS")) -> str:
        """What the server's own decoder says of binary log files, of all there are when none is given."""
        return run([self.program(self.binlog_program), "--no-defaults", *options, *(files or self.binlog_files())])

    # How it is run.

    def prepare(self) -> None:
        template = self.home / "template"
        with locked(self.home / "template.lock"):
            if not template.is_dir():
                building = self.home / "template.building"
                shutil.rmtree(building, ignore_errors=True)
                self.initialise(building)
                building.rename(template)
        # cp keeps holes, a sparse redo log stays small.
        run(["cp", "-a", "--sparse=always", template, self.data])

    def argv(self) -> list[str]:
        # The socket's name is relative to the data directory: a path may be longer than a socket address holds.
        where = [f"--bind-address={self.host}", f"--port={self.port}", "--socket=server.sock", "--pid-file=server.pid"]
        chosen = [f"--{name}={value}" if value != "" else f"--{name}" for name, value in self._chosen()]
        return [*self.base_argv(self.data), *where, *chosen]

    def is_ready(self) -> bool:
        try:
            self.connect(connect_timeout=2).close()
        except pymysql.Error as error:
            if error.args[0] == ER.ACCESS_DENIED_ERROR:
                raise ServerError(f"{self.recipe.name} does not know its root user: {error}") from error
            return False
        return True

    def root_sql(self) -> str:
        """The statements that give root a password, on the socket as well as from everywhere over TCP."""
        return "".join(
            f"CREATE USER IF NOT EXISTS {account};\n"
            f"ALTER USER {account} IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION;\n"
            for account in (f"{self.user}@localhost", f"{self.user}@'%'")
        )

    def _chosen(self) -> list[tuple[str, str | int]]:
        return [(name, value) for name, value in self.options.items() if value is not None]


class _Connection(Connection):  # type: ignore[type-arg]
    """One TLS context for all connections without a certificate: PyMySQL takes 20 ms to make it, for each of them."""

    _context: ClassVar[Any] = None

    def _create_ssl_ctx(self, sslp: Any) -> Any:
        if sslp:
            return super()._create_ssl_ctx(sslp)  # type: ignore[misc]
        if _Connection._context is None:
            _Connection._context = super()._create_ssl_ctx(sslp)  # type: ignore[misc]
        return _Connection._context


def run_once(argv: list[str], stdin: str = "") -> None:
    """Run a server program that initialises a data directory and ends."""
    try:
        run(argv, stdin=stdin, timeout_s=120)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError("initialising a data directory took more than 120 s") from error


def _dashed(options: Options) -> dict[str, str | int | None]:
    """Option names in one spelling, so that a given one overrides a default."""
    return {name.removeprefix("--").replace("_", "-"): value for name, value in options.items()}
