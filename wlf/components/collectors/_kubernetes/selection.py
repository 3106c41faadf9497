"""Which containers' logs are read: by the names in the path, and by what the API server knows of the pod."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate

from wlf.components.collectors._kubernetes.facts import Facts
from wlf.components.collectors._kubernetes.options import SELECTORS, KubernetesConfig, NamesConfig
from wlf.components.collectors._kubernetes.paths import LogPath
from wlf.components.collectors._kubernetes.selectors import Selector


class Selection:
    """The selecting options of a config, compiled."""

    def __init__(self, config: KubernetesConfig) -> None:
        self._names = _of_names(config.namespaces), _of_names(config.pods), _of_names(config.containers)
        self._labels = _parsed(config, "label_selector")
        self._fields = _parsed(config, "field_selector")
        self._namespace = _parsed(config, "namespace_label_selector")

    @property
    def needs_api(self) -> bool:
        """Is there a selector that a path alone cannot answer?"""
        return not (self._labels is None and self._fields is None and self._namespace is None)

    @property
    def needs_namespace(self) -> bool:
        """Are labels of namespaces asked for?"""
        return self._namespace is not None

    def names(self, log: LogPath) -> bool:
        """Is it meant by its names?"""
        return self.names_so_far(log, has_container=True)

    def names_so_far(self, log: LogPath, *, has_container: bool) -> bool:
        """The same, where the container is not known yet."""
        namespaces, pods, containers = self._names
        is_meant = namespaces(log.namespace) and pods(log.pod)
        return is_meant and (not has_container or containers(log.container))

    def selects(self, facts: Facts, namespace_labels: Mapping[str, str]) -> bool:
        """Do the selectors choose this pod?"""
        return (
            (self._labels is None or self._labels.matches(facts.labels))
            and (self._fields is None or self._fields.matches(facts.fields))
            and (self._namespace is None or self._namespace.matches(namespace_labels))
        )


def _of_names(names: NamesConfig) -> Callable[[str], bool]:
    included, excluded = _any_of(names.include), _any_of(names.exclude)
    return lambda name: included(name) is not None and excluded(name) is None


def _any_of(globs: list[str]) -> Callable[[str], re.Match[str] | None]:
    return re.compile("|".join(map(translate, globs)) or r"(?!)").match


def _parsed(config: KubernetesConfig, option: str) -> Selector | None:
    text: str | None = getattr(config, option)
    return None if text is None else SELECTORS[option](text)
