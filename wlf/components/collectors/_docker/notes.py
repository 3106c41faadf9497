"""What a Docker Engine wrote down of its containers, beside their logs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from wlf.components.collectors._docker.container import described
from wlf.events.log import Container

NAME = "config.v2.json"


def container_at(directory: str) -> Container:
    """The container of that directory. Raises OSError, ValueError, KeyError and TypeError."""
    with open(os.path.join(directory, NAME), "rb") as file:
        told: Mapping[str, Any] = msgspec.json.decode(file.read())
    return described({"Id": told["ID"], "Name": told["Name"], "Config": told["Config"]})
