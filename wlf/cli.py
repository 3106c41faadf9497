"""The commands: parse, call, print. Exit codes: 0 done, 1 failed while running, 2 wrong config or command line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NoReturn

import click

from wlf.errors import ConfigError, WlfError
from wlf.version import __version__

if TYPE_CHECKING:
    from wlf.graph.plan import Plan

FAILED = 1
BAD_CONFIG = 2

CONFIG = click.Path(path_type=Path)
STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("wlf-state"),
    show_default=True,
    help="Where cursors are kept.",
)


def _end(error: WlfError) -> NoReturn:
    click.echo(str(error), err=True)
    sys.exit(BAD_CONFIG if isinstance(error, ConfigError) else FAILED)


@contextmanager
def _errors_in_words() -> Iterator[None]:
    """A user's mistake is a message and an exit code, never a traceback."""
    try:
        yield
    except WlfError as error:
        _end(error)


def _compile(config: Path, cache_dir: Path | None = None) -> Plan:
    from wlf.graph.compile import compile_file

    return compile_file(config, cache_dir=cache_dir)


def _write(output: Path, content: bytes, *, private: bool = False) -> None:
    try:
        if private:
            output.touch()
            output.chmod(0o600)
        output.write_bytes(content)
    except OSError as error:
        click.echo(f"{output}: {(error.strerror or str(error)).lower()}", err=True)
        sys.exit(FAILED)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="wlf")
def main() -> None:
    """Move change data and logs from where they arise to where they are used.

    A YAML file describes collectors, transformers and dispatchers; wlf checks it, draws it and runs it.
    """


@main.command()
@click.argument("config", type=CONFIG)
@click.option("--until-end", is_flag=True, help="Stop when everything that was there at the start is delivered.")
@STATE_DIR
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def run(config: Path, until_end: bool, state_dir: Path, log_format: str, log_level: str) -> None:
    """Run the pipeline of CONFIG until it is told to stop.

    SIGTERM or Ctrl-C: collect no more, deliver what is under way, store the cursors, end. A second one ends at once.
    """
    from wlf.console import report_text, set_up_logging
    from wlf.runtime.run import run_pipeline

    with _errors_in_words():
        plan = _compile(config, state_dir)
        for warning in plan.warnings:
            click.echo(str(warning), err=True)
        status = set_up_logging(log_format, log_level)
        if sys.stdout.isatty() and any(node.type_name == "Stdout" for node in plan.nodes):
            status = None  # the events themselves are shown there
        report = run_pipeline(plan, state_dir, until_end=until_end, show=status.show if status else None)
        if status:
            status.clear()
        logging.getLogger("wlf").info("%s", report_text(report))
        sys.exit(report.exit_code)


@main.command()
@click.argument("config", type=CONFIG)
def check(config: Path) -> None:
    """Check CONFIG and say all that is wrong with it; needs no server."""
    with _errors_in_words():
        plan = _compile(config)
    for warning in plan.warnings:
        click.echo(str(warning), err=True)
    edges = f"{len(plan.edges)} edge{'s' if len(plan.edges) != 1 else ''}"
    click.echo(f"{config}: ok, {len(plan.nodes)} nodes and {edges}")


@main.command()
@click.argument("config", type=CONFIG)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="FILE.yaml; default: printed.")
@click.option("--with-secrets", is_flag=True, help="Write passwords out; by default they are named as ${MAXWELL_...}.")
def convert(config: Path, output: Path | None, with_secrets: bool) -> None:
    """Print the YAML of CONFIG, a config.properties of Maxwell.

    Keys that are not honoured are named, with what happens instead. `wlf run` runs such a file as it is, too.
    """
    from wlf.graph.maxwell.conversion import convert_file

    with _errors_in_words():
        converted = convert_file(config)
    for note in converted.notes:
        click.echo(str(note), err=True)
    text = converted.yaml(with_secrets=with_secrets)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text.encode(), private=with_secrets)


@main.command()
@click.argument("kind", type=click.Choice(["collector", "transformer", "dispatcher"]))
@click.argument("name")
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Default: here.")
def new(kind: Literal["collector", "transformer", "dispatcher"], name: str, directory: Path) -> None:
    """Write a package with a component of your own and a test that passes: `wlf new transformer drop-debug`."""
    from wlf.scaffold import scaffold, write

    with _errors_in_words():
        target = write(scaffold(kind, name), directory)
    click.echo(f"{target}: pip install -e '{target}[test]' && pytest {target}")


@main.command()
@click.argument("name", required=False)
@click.option("--markdown", is_flag=True, help="As a page of the reference.")
def components(name: str | None, markdown: bool) -> None:
    """List the components, or every option of the component NAME."""
    from wlf.components.registry import Registry
    from wlf.graph import reference

    with _errors_in_words():
        click.echo(reference.describe(Registry(), name, markdown=markdown), nl=False)


@main.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--key", "keys", multiple=True, metavar="NAME=FILE", help="A key in a file, or NAME=env:VARIABLE; several times."
)
@click.option("--config", type=CONFIG, help="Take the keys of all Encryptors of this pipeline.")
@click.option("--keep-going", is_flag=True, help="Leave what the keys do not open as it is, and tell of it.")
@click.option("-o", "--output", type=click.File("wb", lazy=True), default="-", help="FILE; default: printed.")
def decrypt(file: BinaryIO, keys: tuple[str, ...], config: Path | None, keep_going: bool, output: BinaryIO) -> None:
    """Make readable what an Encryptor encrypted in FILE, or what comes in: a JSON object a line.

    Exit code 1 where something was not opened: with another key, or because it was changed or moved.
    """
    from wlf.runtime.decrypt import decrypt_lines, key_of_option, keys_of_plan

    refused: list[str] = []

    def tell(message: str) -> None:
        refused.append(message)
        click.echo(message, err=True)

    with _errors_in_words():
        known = keys_of_plan(_compile(config)) if config else {}
        known.update(key_of_option(option) for option in keys)
        output.writelines(decrypt_lines(file, known, tell if keep_going else None))
    sys.exit(FAILED if refused else 0)


@main.command()
@click.argument("file", type=CONFIG)
@click.argument("config", type=CONFIG)
@click.option("--node", "nodes", metavar="ID", multiple=True, help="Only what this node refused; several times.")
@click.option("--dry-run", is_flag=True, help="Say what would go where, and send nothing.")
@click.option("--again", is_flag=True, help="Begin anew with a file that was replayed before.")
@STATE_DIR
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def replay(
    file: Path, config: Path, nodes: tuple[str, ...], dry_run: bool, again: bool, state_dir: Path, log_format: str
) -> None:
    """Feed the dead letters of FILE back into CONFIG, each at the node that refused it.

    Exit code 1 where something could not be delivered or was refused again.
    """
    from wlf.console import report_text, set_up_logging
    from wlf.runtime import replay as replaying
    from wlf.runtime.dead_letters import read_letters

    with _errors_in_words():
        plan = _compile(config)
        for id in nodes:
            if id not in (known := [node.id for node in plan.nodes if node.kind != "collector"]):
                raise click.BadParameter(f"expected one of {', '.join(known)}, got '{id}'", param_hint="--node")
        letters = read_letters(file, nodes)
        lines = replaying.outline(plan, letters)
        if dry_run or not lines:
            click.echo("\n".join(lines or [f"{file}: no dead letters"]))
            return
        status = set_up_logging(log_format, "info")
        if sys.stdout.isatty() and any(node.type_name == "Stdout" for node in plan.nodes):
            status = None  # the events themselves are shown there
        report = replaying.replay(plan, letters, state_dir, again=again, show=status.show if status else None)
        if status:
            status.clear()
        logging.getLogger("wlf").info("%s", report_text(report))
        click.echo(replaying.summary(letters, report), err=True)
    sys.exit(report.exit_code or (FAILED if replaying.refused_again(report) else 0))


@main.group()
def graph() -> None:
    """Look at the graph that a config describes."""


@graph.command()
@click.argument("config", type=CONFIG)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="FILE.svg, .png, .dot or .mmd.")
@click.option("--plan", "show_plan", is_flag=True, help="Draw what the runtime makes of it: segments and mailboxes.")
def render(config: Path, output: Path | None, show_plan: bool) -> None:
    """Draw the graph of CONFIG, in the terminal or into a file."""
    from wlf.graph.render import render as draw

    with _errors_in_words():
        drawn = draw(_compile(config), output.suffix[1:] if output else "text", show_plan=show_plan)
    if output is None:
        click.echo(drawn, nl=False)
        return
    _write(output, drawn if isinstance(drawn, bytes) else drawn.encode())


@main.group()
def position() -> None:
    """See or change where a pipeline reads on."""


def _positions(config: Path, state_dir: Path) -> Any:
    from wlf.runtime.positions import Positions

    return Positions(_compile(config), state_dir)


COLLECTOR = click.option("--collector", metavar="ID", help="The collector, where the pipeline has several.")


@main.command()
@click.argument("config", type=CONFIG)
@click.option(
    "--table",
    "tables",
    metavar="GLOB",
    multiple=True,
    required=True,
    help="Tables to copy, such as 'shop.*'; may be given several times.",
)
@COLLECTOR
@click.option("--comment", help="Goes into the field `comment` of the events.")
@STATE_DIR
def snapshot(
    config: Path, tables: tuple[str, ...], collector: str | None, comment: str | None, state_dir: Path
) -> None:
    """Have the pipeline of CONFIG copy tables anew, beside the changes that it reads; it may be running."""
    from wlf.runtime.requests import ask_for_snapshot

    with _errors_in_words():
        click.echo(ask_for_snapshot(_compile(config), state_dir, collector, tables, comment))


@position.command()
@click.argument("config", type=CONFIG)
@COLLECTOR
@STATE_DIR
def show(config: Path, collector: str | None, state_dir: Path) -> None:
    """Print the stored cursors of CONFIG, one line for each collector, dispatcher and partition."""
    with _errors_in_words():
        for line in _positions(config, state_dir).show(collector):
            click.echo(line)


@position.command("set")
@click.argument("config", type=CONFIG)
@click.argument("value")
@COLLECTOR
@STATE_DIR
def set_position(config: Path, value: str, collector: str | None, state_dir: Path) -> None:
    """Make CONFIG read on from VALUE, such as binlog.000042:1337; the pipeline must not be running."""
    with _errors_in_words():
        for line in _positions(config, state_dir).set(collector, value):
            click.echo(line)


@position.command()
@click.argument("config", type=CONFIG)
@COLLECTOR
@STATE_DIR
def reset(config: Path, collector: str | None, state_dir: Path) -> None:
    """Forget the stored cursors of CONFIG: the next run begins where the config says."""
    with _errors_in_words():
        for line in _positions(config, state_dir).reset(collector):
            click.echo(line)


@main.group()
def wasm() -> None:
    """Look at WebAssembly plugins, and try them."""


def _plugin_config(context: click.Context, parameter: click.Parameter, value: str | None) -> bytes | None:
    from wlf.components.transformers._wasm.try_out import parse_config

    try:
        return None if value is None else parse_config(value)
    except ValueError as error:
        raise click.BadParameter(f"expected a JSON object, got something else: {error}") from error


PLUGIN = click.argument("file", type=click.Path(path_type=Path))
WASI = click.option("--wasi", type=click.Choice(["none", "stub"]), default="none", show_default=True)


def _trial(file: Path, config: bytes | None, wasi: str, deadline_ms: int = 1_000) -> tuple[Any, Any]:
    from wlf.components.transformers._wasm.try_out import Trial
    from wlf.console import set_up_logging
    from wlf.runtime.instances import plain_context

    set_up_logging("text", "info")
    return Trial(file, config, wasi, deadline_ms), plain_context("wasm", "wlf")


@wasm.command("check")
@PLUGIN
@click.option("--config", metavar="JSON", callback=_plugin_config, help="Options of the plugin's own, to be tried.")
@WASI
def check_plugin(file: Path, config: bytes | None, wasi: str) -> None:
    """Say whether FILE is a plugin for wlf, and what it exports and imports."""
    from wlf.components.transformers._wasm.try_out import describe

    with _errors_in_words():
        for line in describe(*_trial(file, config, wasi)):
            click.echo(line)


@wasm.command("run")
@PLUGIN
@click.option("--config", metavar="JSON", callback=_plugin_config, default="{}", help="Options of the plugin's own.")
@WASI
@click.option("--deadline-ms", type=click.IntRange(1), default=1_000, show_default=True, help="Time for one batch.")
@click.option("--batch-events", type=click.IntRange(1), default=1_000, show_default=True, help="Lines in one batch.")
def run_plugin(file: Path, config: bytes, wasi: str, deadline_ms: int, batch_events: int) -> None:
    """Run events, a line of JSON each, from the standard input through the plugin FILE to the standard output."""
    from wlf.components.transformers._wasm.try_out import Tally, run_lines

    tally = Tally()
    with _errors_in_words():
        trial, context = _trial(file, config, wasi, deadline_ms)
        for line in run_lines(trial, context, sys.stdin.buffer, batch_events, tally):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    click.echo(str(tally), err=True)
