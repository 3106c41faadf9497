"""Put every server version that can be had through the corner cases of column types, and show what came of it.

`python -m tests.matrix` prints the table of types and servers; `--readme` writes it into the README as well. Exit code
1 where a server gave a wrong value or could not be installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tests.binlog.type_cases import Outcome, run_type_cases
from tests.servers.cache import NotInstalled, installed_version
from tests.servers.install import main as install
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer

README = Path(__file__).parents[2] / "README.md"
START, END = "<!-- types -->\n", "<!-- /types -->"


class Column(NamedTuple):
    """One server version of the table."""

    kind: type[SqlServer]
    edition: str

    @property
    def name(self) -> str:
        """As the installer takes it."""
        return f"{self.kind.recipe.name}@{self.edition}"

    @property
    def title(self) -> str:
        """`MySQL 8.0`."""
        version = installed_version(self.kind.recipe.name, self.edition) or "?"
        return f"{self.kind.__name__} {'.'.join(version.split('-')[0].split('.')[:2])}"


COLUMNS = (
    Column(MySQL, "5.7"),
    Column(MySQL, "8.0"),
    Column(MySQL, MySQL.recipe.edition),
    Column(MariaDB, "bullseye"),
    Column(MariaDB, MariaDB.recipe.edition),
    Column(MariaDB, "trixie"),
)


def main() -> int:
    """Run all; see the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="write the table into the README")
    given = parser.parse_args()
    install(["--best-effort", *(column.name for column in COLUMNS)])
    results: dict[str, list[Outcome]] = {}
    for column in COLUMNS:
        try:
            results[column.title] = _run(column)
        except NotInstalled as error:
            _say(str(error))
            results[column.title] = []
    table = table_of(results)
    _say(table)
    if given.readme:
        _write_readme(table)
    wrong = [(title, outcome) for title, found in results.items() for outcome in found if _is_wrong(outcome)]
    for title, outcome in wrong:
        _say(f"{title}: {outcome.type}: {outcome.case}: {outcome.status}")
    return 1 if wrong or not all(results.values()) else 0


def _run(column: Column) -> list[Outcome]:
    with (
        tempfile.TemporaryDirectory() as directory,
        column.kind(Path(directory) / "server", edition=column.edition) as server,
    ):
        return run_type_cases(server)


def _is_wrong(outcome: Outcome) -> bool:
    return outcome.status.startswith("wrong") and not _is_refused(outcome)


def _is_refused(outcome: Outcome) -> bool:
    """MySQL 8.0.15 logs the hidden column of a functional index and tells nobody its name: an error, no wrong value."""
    return "functional index" in outcome.case and outcome.status.startswith("wrong: DecodeError: ")


def table_of(results: dict[str, list[Outcome]]) -> str:
    """A Markdown table: a row for each type, a column for each server, passed cases in each cell."""
    types = list(dict.fromkeys(outcome.type for found in results.values() for outcome in found))
    lines = [f"| column type, row image | {' | '.join(results)} |", f"|---|{'---|' * len(results)}"]
    for type_ in types:
        cells = [_cell([outcome for outcome in found if outcome.type == type_]) for found in results.values()]
        lines.append(f"| {type_} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(outcomes: list[Outcome]) -> str:
    wrong, refused = sum(map(_is_wrong, outcomes)), sum(map(_is_refused, outcomes))
    passed = Counter(outcome.status for outcome in outcomes)["ok"]
    if wrong:
        return f"**{wrong} wrong** of {len(outcomes)}"
    return f"{passed}{f', {refused} refused' if refused else ''}" if passed or refused else "none here"


def _write_readme(table: str) -> None:
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(START)
    intro = (
        "Corner cases of each type that come out as SELECT shows them, each with the metadata that the server logs by\n"
        "default and with the richest it has; `make test-matrix` writes this table, and fails where a value is wrong.\n"
        '"none here": the server has no such type; "refused": an error that says why, in place of a value.\n\n'
    )
    README.write_text(before + START + intro + table + END + rest.split(END, 1)[1], encoding="utf-8")


def _say(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
