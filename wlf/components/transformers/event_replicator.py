"""Fan-out: every destination gets every event, and gets the same objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wlf.components.base import Router
from wlf.components.config import RouterConfig
from wlf.events import Event


class EventReplicatorConfig(RouterConfig, frozen=True, kw_only=True):
    """Options of EventReplicator."""


class EventReplicator(Router):
    """Sends each event to all destinations.

    Nothing is copied: all destinations get the same sequence, which is then encoded once for all that write the same
    format.
    """

    type_name = "EventReplicator"
    Config = EventReplicatorConfig

    def route(self, events: Sequence[Event]) -> Mapping[str, Sequence[Event]]:
        """The same sequence under each destination."""
        return dict.fromkeys(self.config.destinations, events)
