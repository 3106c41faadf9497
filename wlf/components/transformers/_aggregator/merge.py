"""How the values of one field become one value."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal, Protocol

from msgspec import UNSET

Strategy = Literal["first", "last", "sum", "min", "max", "list", "concat"]
_NUMBERS = (int, float, Decimal)
_OTHER_BYTES = 16


class Merge(Protocol):
    """The values of one field so far."""

    def add(self, value: Any) -> int:
        """One more; returns how many bytes more are kept. Raises TypeError for a value that does not fit."""
        ...

    def result(self) -> Any:
        """What they come to; UNSET where there was none."""
        ...


class _First:
    def __init__(self) -> None:
        self._value: Any = UNSET

    def add(self, value: Any) -> int:
        if self._value is not UNSET:
            return 0
        self._value = value
        return size_of(value)

    def result(self) -> Any:
        return self._value


class _Last:
    def __init__(self) -> None:
        self._value: Any = UNSET

    def add(self, value: Any) -> int:
        before, self._value = size_of(self._value), value
        return size_of(value) - before

    def result(self) -> Any:
        return self._value


class _Sum:
    def __init__(self) -> None:
        self._value: Any = UNSET

    def add(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, _NUMBERS):
            raise TypeError
        if self._value is UNSET:
            self._value = value
        elif isinstance(self._value, float) or isinstance(value, float):
            self._value = float(self._value) + float(value)
        else:
            self._value += value
        return 0

    def result(self) -> Any:
        return self._value


class _Extreme:
    def __init__(self, is_better: Callable[[Any, Any], bool]) -> None:
        self._is_better = is_better
        self._value: Any = UNSET

    def add(self, value: Any) -> int:
        if self._value is UNSET or self._is_better(value, self._value):
            before, self._value = size_of(self._value), value
            return size_of(value) - before
        return 0

    def result(self) -> Any:
        return self._value


class _List:
    def __init__(self) -> None:
        self._values: list[Any] = []

    def add(self, value: Any) -> int:
        self._values.append(value)
        return size_of(value)

    def result(self) -> Any:
        return self._values or UNSET


class _Concat:
    def __init__(self, separator: str) -> None:
        self._separator = separator
        self._texts: list[str] = []

    def add(self, value: Any) -> int:
        text = value if isinstance(value, str) else str(value)
        self._texts.append(text)
        return len(text) + len(self._separator)

    def result(self) -> Any:
        return self._separator.join(self._texts) if self._texts else UNSET


def maker_of(strategy: Strategy, separator: str) -> Callable[[], Merge]:
    """What makes the merge of a field for each new group."""
    makers: dict[Strategy, Callable[[], Merge]] = {
        "first": _First,
        "last": _Last,
        "sum": _Sum,
        "min": lambda: _Extreme(lambda one, other: bool(one < other)),
        "max": lambda: _Extreme(lambda one, other: bool(one > other)),
        "list": _List,
        "concat": lambda: _Concat(separator),
    }
    return makers[strategy]


def size_of(value: Any) -> int:
    """About how many bytes a value takes."""
    return len(value) if isinstance(value, str | bytes) else _OTHER_BYTES
