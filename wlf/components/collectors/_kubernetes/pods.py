"""The pods of this node and their namespaces, as the API server told of them; kept for a while when they are gone."""

from __future__ import annotations

from collections.abc import Callable, Container

import msgspec

from wlf.components.collectors._kubernetes.facts import Facts, Pick, facts_of
from wlf.components.collectors._kubernetes.objects import decode_namespace, decode_pod
from wlf.events.log import Pod


class Known:
    """A pod, and the objects made of it that its events share."""

    __slots__ = ("complained", "described", "facts", "gone_at")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.gone_at: float | None = None
        self.described: dict[tuple[str, int], Pod] = {}
        """By container and restart."""
        self.complained: set[tuple[str, str]] = set()
        """Annotations, with their values, that were told of as useless."""


class Pods:
    """By uid: a pod that is made anew under its old name is another one.

    Args:
        on_change: is told the uid of each pod of which something else is known now.
    """

    def __init__(self, pick_annotations: Pick, now: Callable[[], float], on_change: Callable[[str], None]) -> None:
        self._pick_annotations = pick_annotations
        self._now = now
        self._on_change = on_change
        self._known: dict[str, Known] = {}
        self._gone: dict[str, Known] = {}
        """Of the known ones those that are gone, the earliest first."""

    def __len__(self) -> int:
        return len(self._known)

    def get(self, uid: str) -> Known | None:
        """What is known of a pod."""
        return self._known.get(uid)

    def applied(self, raw: msgspec.Raw) -> str:
        """See Copy."""
        return self._note(raw).facts.uid

    def deleted(self, raw: msgspec.Raw) -> None:
        """See Copy. Its logs are still to be read."""
        self._leave(self._note(raw))

    def listed(self, keys: set[str]) -> None:
        """See Copy."""
        for uid, known in self._known.items():
            if uid not in keys:
                self._leave(known)

    def forget(self, seconds: float, in_use: Container[str] = ()) -> None:
        """Who is gone for so long, and not in use."""
        until = self._now() - seconds
        for uid, known in list(self._gone.items()):
            if known.gone_at is not None and known.gone_at > until:
                return
            if uid not in in_use:
                del self._gone[uid], self._known[uid]

    def namespace_changed(self, namespace: str) -> None:
        """Its labels are others: so are its pods' events."""
        for uid, known in self._known.items():
            if known.facts.namespace == namespace:
                known.described = {}
                self._on_change(uid)

    def _note(self, raw: msgspec.Raw) -> Known:
        facts = facts_of(decode_pod(raw), self._pick_annotations)
        known = self._known.get(facts.uid)
        if known is None:
            known = self._known[facts.uid] = Known(facts)
        elif known.facts == facts:
            self._come_back(known)
            return known
        else:
            known.facts = facts
            known.described = {}
        self._come_back(known)
        self._on_change(facts.uid)
        return known

    def _leave(self, known: Known) -> None:
        if known.gone_at is None:
            known.gone_at = self._now()
            self._gone[known.facts.uid] = known

    def _come_back(self, known: Known) -> None:
        known.gone_at = None
        self._gone.pop(known.facts.uid, None)


class Namespaces:
    """The labels of namespaces by name.

    Args:
        on_change: is told the name of each whose labels are others now.
    """

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change
        self._labels: dict[str, dict[str, str]] = {}

    def labels(self, name: str) -> dict[str, str] | None:
        """None where the namespace is not known."""
        return self._labels.get(name)

    def applied(self, raw: msgspec.Raw) -> str:
        """See Copy."""
        metadata = decode_namespace(raw).metadata
        labels = metadata.labels or {}
        if self._labels.get(metadata.name) != labels:
            self._labels[metadata.name] = labels
            self._on_change(metadata.name)
        return metadata.name

    def deleted(self, raw: msgspec.Raw) -> None:
        """See Copy. The last lines of its pods may still be read: nothing changes for them."""
        name = decode_namespace(raw).metadata.name
        self._labels.pop(name, None)

    def listed(self, keys: set[str]) -> None:
        """See Copy."""
        self._labels = {name: labels for name, labels in self._labels.items() if name in keys}
