"""`type: my_module:MyTransformer`: a component class from a module beside the config, or one that is installed."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

from wlf.components.base import Component
from wlf.errors import SetupError


def load_own(target: str, beside: Path) -> type[Component]:
    """The class that `module:Class` names; modules in the directory `beside` come before installed ones.

    Raises:
        SetupError: the module cannot be imported, or has no such component class.
    """
    name, _, attribute = target.partition(":")
    try:
        module = _import(name, beside)
    except ModuleNotFoundError as error:
        hint = f"expected {beside / (name.partition('.')[0] + '.py')}, or an installed package"
        if error.name is not None and not name.startswith(error.name):
            hint = f"{name} imports it"
        raise SetupError(f"cannot import {name}: no module named {error.name}", hint=hint) from error
    except Exception as error:
        # Whatever the user's module does while it is imported, the place in it says more than our own.
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise SetupError(
            f"cannot import {name}: {type(error).__name__}: {error}",
            hint=f"it was raised at {last.filename}:{last.lineno}",
        ) from error
    found = getattr(module, attribute, None)
    if found is None:
        classes = [key for key, value in vars(module).items() if _is_component(value) and value.__module__ == name]
        raise SetupError(
            f"{name} has no class {attribute}",
            hint=f"it has {', '.join(classes)}" if classes else "it has no component",
        )
    if not _is_component(found):
        raise SetupError(
            f"{target} is no component", hint="derive it from Collector, Transformer, Router or Dispatcher of wlf"
        )
    component: type[Component] = found
    if "type_name" not in {key for each in component.__mro__ for key in vars(each)}:
        component.type_name = attribute
    return component


def _is_component(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Component)


def _import(name: str, beside: Path) -> object:
    """A module of that name beside the config is meant, whatever else has that name."""
    directory = str(beside.resolve())
    if directory not in sys.path:
        sys.path.insert(0, directory)
    first = name.partition(".")[0]
    is_beside = any((beside / each).exists() for each in (f"{first}.py", first))
    loaded = sys.modules.get(first)
    origin = getattr(loaded, "__file__", None) or next(iter(getattr(loaded, "__path__", ())), None)
    if is_beside and origin is not None and Path(directory) not in Path(origin).resolve().parents:
        # Another config's module of the same name, in a process that compiles several.
        for other in [each for each in sys.modules if each == first or each.startswith(first + ".")]:
            del sys.modules[other]
        sys.path.remove(directory)
        sys.path.insert(0, directory)
    importlib.invalidate_caches()
    return importlib.import_module(name)
