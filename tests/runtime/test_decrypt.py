"""`wlf decrypt`: what the keys open is readable again, all else comes out as it went in, and errors say which line."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.cli import main
from wlf.components.transformers.encryptor import Encryptor, EncryptorConfig
from wlf.events import LogLine
from wlf.events.codec import encode_json

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
CONFIG = """
collectors: [{id: files, type: File, destination: protect, include: ["*.log"]}]
transformers:
  - {id: protect, type: Encryptor, destination: out, whole: true, keys: [{id: k1, key: "${THE_KEY}"}]}
dispatchers: [{id: out, type: Stdout}]
"""


def sealed(message: str, key: bytes = KEY, **options: object) -> bytes:
    chosen = {"whole": True} if options.get("whole") else {"fields": [{"field": "/message", "action": "encrypt"}]}
    config = configured(EncryptorConfig, destination="out", keys=[{"id": "k1", "key": key.hex()}], **chosen)
    return encode_json(Encryptor(config, make_context()).transform([LogLine("s", 1.0, message)]))[0]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(base64.b64encode(KEY).decode() + "\n")
    return path


def decrypt(given: bytes, *options: str) -> Result:
    return CliRunner().invoke(main, ["decrypt", *options], input=given)


def test_lines_are_readable_again_and_numbers_keep_their_digits(key_file: Path) -> None:
    plain = b'{"n":1.10,"big":123456789012345678901234567890,"e":-0.0,"t":"wlf1: no token","none":null}\n'
    result = decrypt(plain + b"\n" + sealed("one") + b"\n" + sealed("two", whole=True), "--key", f"k1={key_file}")
    assert result.exit_code == 0, result.output
    first, *others = result.stdout.splitlines(keepends=True)
    assert first == plain.decode()
    assert others == [f'{{"source":"s","ts":1.0,"message":"{word}","type":"log"}}\n' for word in ("one", "two")]


def test_keys_come_from_a_pipeline_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", KEY.hex())
    config = tmp_path / "pipeline.yaml"
    config.write_text(CONFIG)
    for options in (["--config", str(config)], ["--key", "k1=env:THE_KEY"]):
        assert '"message":"one"' in decrypt(sealed("one"), *options).stdout


def test_files_are_read_and_written(tmp_path: Path, key_file: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(sealed("one") + b"\n")
    result = CliRunner().invoke(main, ["decrypt", str(source), "--key", f"k1={key_file}", "-o", str(target)])
    assert (result.exit_code, result.output) == (0, "")
    assert b'"message":"one"' in target.read_bytes()


@pytest.mark.parametrize("whole", [False, True])
def test_a_wrong_key_is_told_with_the_line_and_nothing_of_the_text(key_file: Path, whole: bool) -> None:
    result = decrypt(sealed("fine") + b"\n" + sealed("one", OTHER, whole=whole), "--key", f"k1={key_file}")
    place = "the event" if whole else "/message"
    assert result.exit_code == 1
    assert result.stderr == (
        f"line 2: {place}: not what the key 'k1' encrypted here: another key of that name, or it was changed or moved\n"
    )
    assert result.stdout.count("\n") == 1


def test_an_unknown_key_is_named(key_file: Path) -> None:
    result = decrypt(sealed("one"), "--key", f"k9={key_file}")
    assert (result.exit_code, result.stderr) == (1, "line 1: /message: no key 'k1', known: k9\n")


def test_with_keep_going_what_is_not_opened_stays_and_the_rest_is_opened(key_file: Path) -> None:
    bad = sealed("one", OTHER)
    result = decrypt(bad + b"\n" + sealed("two"), "--key", f"k1={key_file}", "--keep-going")
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    assert first.encode() == bad
    assert '"message":"two"' in second
    assert result.stderr.startswith("line 1: /message: ")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--key", "k1"], "expected --key NAME=FILE or --key NAME=env:VARIABLE, got 'k1'"),
        (["--key", "k1=env:NO_SUCH_KEY"], "key k1: the environment variable NO_SUCH_KEY is not set"),
        (["--key", "k1=/no/such/file"], "/no/such/file: no such file or directory"),
        (["--key", "k1=env:SHORT_KEY"], "key k1: expected 32 bytes as base64 or as 64 hexadecimal digits, got 6 bytes"),
        ([], "line 1: expected JSON"),
    ],
)
def test_mistakes_are_told_in_words(options: list[str], error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT_KEY", base64.b64encode(b"secret").decode())
    result = decrypt(b"no json", *options)
    assert (result.exit_code, result.stderr) == (1, error + "\n")
