"""What checking a config costs: the client libraries are looked for, and imported by a run alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wlf.components.registry import Registry
from wlf.errors import SetupError

CASES = [("Kafka", "aiokafka"), ("Redis", "redis"), ("HTTP", "aiohttp"), ("MongoDB", "pymongo")]


@pytest.mark.parametrize(("name", "library"), CASES)
def test_looking_at_a_config_does_not_import_the_client(name: str, library: str) -> None:
    code = (
        "import sys; from wlf.components.registry import Registry;"
        f"Registry().resolve('dispatcher', {name!r}); sys.exit({library!r} in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "library"), CASES)
def test_a_client_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"wlf.components.dispatchers.{name.lower()}", raising=False)
    with pytest.raises(SetupError, match=rf"{name} needs the library {library}") as missing:
        Registry().resolve("dispatcher", name)
    assert f'pip install "wlf[{name.lower()}]"' in str(missing.value)
