"""`wlf new`: a package with a component of one's own and a test that passes."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from textwrap import dedent
from typing import Literal, NamedTuple

from wlf.errors import SetupError

Kind = Literal["collector", "transformer", "dispatcher"]


class Scaffold(NamedTuple):
    """The files of a package, by their paths below it."""

    package: str
    files: dict[str, str]


def scaffold(kind: Kind, name: str) -> Scaffold:
    """The package of a component called `name`, such as `drop-debug` or `DropDebug`.

    Raises:
        SetupError: it cannot be the name of a class.
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    class_name = "".join(word[:1].upper() + word[1:] for word in words)
    module = "_".join(word.lower() for word in words)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or not class_name.isidentifier() or keyword.iskeyword(module):
        raise SetupError(f"expected a name such as drop-debug, got {name!r}")
    package = "wlf-" + module.replace("_", "-")
    package_module = "wlf_" + module
    fields = {
        "class": class_name,
        "module": package_module,
        "package": package,
        "kind": kind,
    }
    files = {
        "pyproject.toml": _PYPROJECT,
        "README.md": _README[kind],
        f"src/{package_module}/__init__.py": _MODULES[kind],
        f"src/{package_module}/py.typed": "",
        f"tests/test_{module}.py": _TESTS[kind],
    }
    return Scaffold(package, {path: _filled(text, fields) for path, text in files.items()})


def write(made: Scaffold, directory: Path) -> Path:
    """Write the files below `directory/PACKAGE`. Raises SetupError where that exists."""
    target = directory / made.package
    if target.exists():
        raise SetupError(f"{target} exists already", hint="choose another name, or move it away")
    for path, text in made.files.items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return target


def _filled(text: str, fields: dict[str, str]) -> str:
    for name, value in fields.items():
        text = text.replace(f"@{name}@", value)
    return dedent(text).lstrip("\n")


_PYPROJECT = """
    [build-system]
    requires = ["hatchling>=1.25"]
    build-backend = "hatchling.build"

    [project]
    name = "@package@"
    version = "0.1.0"
    description = "@class@: a @kind@ for wlf"
    readme = "README.md"
    requires-python = ">=3.11"
    dependencies = ["wlf"]

    [project.optional-dependencies]
    test = ["pytest>=8"]

    [project.entry-points."wlf.components"]
    @class@ = "@module@:@class@"

    [tool.hatch.build.targets.wheel]
    packages = ["src/@module@"]

    [tool.pytest.ini_options]
    testpaths = ["tests"]
"""

_README: dict[Kind, str] = {
    "transformer": """
    # @class@

    A transformer for wlf:

    ```yaml
    transformers:
      - {id: mine, type: @class@, destination: out, contains: debug}
    ```

    Install it beside wlf with `pip install .`; run its tests with `pip install '.[test]'` and `pytest`.
    """,
    "collector": """
    # @class@

    A collector for wlf:

    ```yaml
    collectors:
      - {id: mine, type: @class@, destination: out, count_events: 10}
    ```

    Install it beside wlf with `pip install .`; run its tests with `pip install '.[test]'` and `pytest`.
    """,
    "dispatcher": """
    # @class@

    A dispatcher for wlf:

    ```yaml
    dispatchers:
      - {id: mine, type: @class@, prefix: "> "}
    ```

    Install it beside wlf with `pip install .`; run its tests with `pip install '.[test]'` and `pytest`.
    """,
}

_MODULES: dict[Kind, str] = {
    "transformer": '''
    """@class@: leaves out log lines with a certain text."""

    from collections.abc import Sequence
    from typing import Annotated

    from msgspec import Meta

    from wlf.components.base import Transformer
    from wlf.components.config import TransformerConfig
    from wlf.events import Event


    class @class@Config(TransformerConfig, frozen=True, kw_only=True):
        """Options of @class@."""

        contains: Annotated[str, Meta(description="a message with this text is left out")]


    class @class@(Transformer):
        """Leaves out log lines with a certain text; whatever is no log line goes on."""

        type_name = "@class@"
        Config = @class@Config

        def transform(self, events: Sequence[Event]) -> list[Event]:
            """The events that go on: one list for the whole batch."""
            text = self.config.contains
            return [event for event in events if text not in getattr(event, "message", "")]
    ''',
    "collector": '''
    """@class@: counts. Put your source in its place."""

    from collections.abc import Mapping
    from typing import Annotated, Any

    from msgspec import Meta

    from wlf.components.base import Collected, Collector
    from wlf.components.config import CollectorConfig
    from wlf.events import Kinds, LogLine


    class @class@Config(CollectorConfig, frozen=True, kw_only=True):
        """Options of @class@."""

        count_events: Annotated[int, Meta(description="how many events there are", ge=0)] = 10


    class @class@(Collector):
        """Numbers from 0 on. A position is the next number, so a restart goes on behind the last one."""

        type_name = "@class@"
        Config = @class@Config

        _next = 0

        @classmethod
        def emits(cls, config: Any) -> Kinds:
            """Log lines."""
            return frozenset((LogLine,))

        async def open(self, positions: Mapping[str, bytes]) -> None:
            """Go on from where the dispatchers are."""
            self._next = int(positions.get("numbers", b"0"))

        async def collect(self) -> Collected | None:
            """What is there, and where reading would go on behind it; None at the end of the input."""
            if self._next >= self.config.count_events:
                return None
            line = LogLine(self.context.node, self.context.clock.time(), str(self._next))
            self._next += 1
            return Collected([line], {"numbers": b"%d" % self._next})

        def covers(self, cursor: bytes, position: bytes) -> bool:
            """Is everything up to `position` in `cursor`?"""
            return int(cursor) >= int(position)
    ''',
    "dispatcher": '''
    """@class@: prints. Put your system in its place."""

    import sys
    from typing import Annotated

    from msgspec import Meta

    from wlf.components.base import Dispatcher, Outgoing, Partial
    from wlf.components.config import DispatcherConfig


    class @class@Config(DispatcherConfig, frozen=True, kw_only=True):
        """Options of @class@."""

        prefix: Annotated[str, Meta(description="stands before each event")] = ""


    class @class@(Dispatcher):
        """Writes each event as a line to stderr.

        The runtime retries, times out and counts: raise Retryable when nothing is known to be delivered, return
        Partial for what was refused.
        """

        type_name = "@class@"
        Config = @class@Config

        async def dispatch(self, batch: Outgoing) -> Partial | None:
            """Deliver a batch; None says that all of it is delivered."""
            for payload in batch.payloads():
                sys.stderr.write(f"{self.config.prefix}{payload.decode()}\\n")
            return None
    ''',
}

_TESTS: dict[Kind, str] = {
    "transformer": '''
    """@class@ keeps wlf's rules for components, and does what it says."""

    import pytest

    from @module@ import @class@, @class@Config
    from wlf.testing import (
        Record,
        RecordingConfig,
        RecordingDispatcher,
        ScriptedCollector,
        ScriptedConfig,
        lines,
        run_graph,
    )
    from wlf.testing.conformance import RULES


    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
    def test_it_keeps_the_rules(rule):
        rule(@class@, {"contains": "debug"})


    def test_it_leaves_out_what_has_the_text():
        record = Record()
        run_graph(
            (ScriptedCollector, ScriptedConfig(id="source", destination="mine", script=[lines("a", "debug b", "c")])),
            (@class@, @class@Config(id="mine", destination="sink", contains="debug")),
            (RecordingDispatcher, RecordingConfig(id="sink", record=record)),
        )
        assert record.messages == ["a", "c"]
    ''',
    "collector": '''
    """@class@ keeps wlf's rules for components, and does what it says."""

    import pytest

    from @module@ import @class@, @class@Config
    from wlf.testing import MemoryStore, Record, RecordingConfig, RecordingDispatcher, run_graph
    from wlf.testing.conformance import RULES


    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
    def test_it_keeps_the_rules(rule):
        rule(@class@, {})


    def test_a_second_run_goes_on_where_the_first_one_ended():
        store, record = MemoryStore(), Record()
        for count in (3, 5):
            run_graph(
                (@class@, @class@Config(id="mine", destination="sink", count_events=count)),
                (RecordingDispatcher, RecordingConfig(id="sink", record=record)),
                store=store,
            )
        assert record.messages == ["0", "1", "2", "3", "4"]
    ''',
    "dispatcher": '''
    """@class@ keeps wlf's rules for components, and does what it says."""

    import pytest

    from @module@ import @class@, @class@Config
    from wlf.testing import ScriptedCollector, ScriptedConfig, lines, run_graph
    from wlf.testing.conformance import RULES


    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
    def test_it_keeps_the_rules(rule):
        rule(@class@, {})


    def test_it_writes_each_event(capsys):
        report = run_graph(
            (ScriptedCollector, ScriptedConfig(id="source", destination="mine", script=[lines("a", "b")])),
            (@class@, @class@Config(id="mine", prefix="> ")),
        )
        assert report.exit_code == 0
        assert [line[:2] for line in capsys.readouterr().err.splitlines()] == ["> ", "> "]
    ''',
}
