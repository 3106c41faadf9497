"""A Kubernetes collector that is killed while the runtime cuts lines into parts and the kubelet rotates."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.killed_readers import TIMEOUT_S, messages_after_kills

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TIMEOUT_S)]


def test_killed_at_random_under_rotation_every_line_arrives_whole_and_few_twice(tmp_path: Path) -> None:
    folder = tmp_path / "pods"
    collector = {"type": "Kubernetes", "api": "none", "directory": str(folder)}
    messages = messages_after_kills("tests.crash.pod_writers", collector, folder, tmp_path)
    for message in messages:
        _, number, *rest = message.split(" ", 2)
        is_cut = int(number) % 10 == 3 and int(number) % 3 != 2
        assert rest == (["x" * 50] if is_cut else [])
