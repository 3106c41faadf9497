"""Values or whole events that only who has the key can read, hashes of values, and masks over them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from wlf.components.base import Context, Problem, Transformer
from wlf.components.config import Secret, TransformerConfig
from wlf.components.transformers._encryptor.actions import Action, Encrypt, Hash, Mask, Protect, as_json
from wlf.components.transformers._encryptor.cipher import Sealer, field_label, kept_label
from wlf.components.transformers._encryptor.fields import NotText, ProtectedFields
from wlf.components.transformers._encryptor.keys import KEY_ID, read_key
from wlf.components.transformers._encryptor.rows import ProtectedRows, Rule, Unfit
from wlf.errors import TransformFailed
from wlf.events import DeadLetter, Encrypted, Event, Kinds, RowChange
from wlf.events.base import kind_names
from wlf.events.template import Pointer

_NEVER = ("type", "ts", "database", "table", "old", "primary_key", "primary_key_columns")
"""Fields that cannot be protected: wlf itself needs them, or they follow `data`."""
_MIN_HASH_KEY_BYTES, _MAX_HASH_KEY_BYTES = 16, 64


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key under its name."""

    id: Annotated[str, Meta(description="the key's name, which stands beside every ciphertext", pattern=f"^{KEY_ID}$")]
    key: Annotated[
        Secret,
        Meta(description="32 bytes as base64 or 64 hexadecimal digits, from ${file:PATH} or the environment, ${NAME}"),
    ]

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic."""
        if not re.fullmatch(KEY_ID, self.id):
            raise ValueError("expected an `id` of letters, digits, '_', '.' and '-', 64 at most")
        read_key(self.key.reveal())


class EncryptorConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Encryptor."""

    on_error: Annotated[
        Literal["stop", "drop", "dead_letter"] | None,
        Meta(
            description="what happens to an event that cannot be protected (it never goes on, but to dead_letter it "
            "goes in clear); default: dead_letter where one is named, else stop"
        ),
    ] = None
    keys: Annotated[
        tuple[Key, ...], Meta(description="the first one encrypts; `wlf decrypt` reads what any of them encrypted")
    ] = ()
    whole: Annotated[bool, Meta(description="encrypt whole events, in place of `fields`")] = False
    keep: Annotated[
        tuple[Literal["ts", "source", "database", "table"], ...],
        Meta(description="of whole events: what stays readable, bound to the ciphertext"),
    ] = ()
    fields: Annotated[tuple[Action, ...], Meta(description="what is done with which field, in this order")] = ()
    hash_key: Annotated[
        Secret, Meta(description="the key of hashes, 16 to 64 bytes; another one makes other hashes")
    ] = Secret("")

    def __post_init__(self) -> None:
        """Raises ValueError, which becomes a diagnostic."""
        if self.whole == bool(self.fields):
            raise ValueError(f"expected one of `whole: true` and `fields`, got {'both' if self.whole else 'neither'}")
        if self.keep and not self.whole:
            raise ValueError("expected `whole: true` beside `keep`")
        if not self.keys and (self.whole or any(isinstance(action, Encrypt) for action in self.fields)):
            raise ValueError("expected `keys` to encrypt with")
        if len({key.id for key in self.keys}) < len(self.keys):
            raise ValueError("expected another `id` for each of `keys`")
        self._check_hashes()
        paths = [_path(action.field) for action in self.fields]
        if len(set(paths)) < len(paths):
            raise ValueError("expected each field once in `fields`")

    def _check_hashes(self) -> None:
        hashes = any(isinstance(action, Hash) for action in self.fields)
        length = len(self.hash_key.reveal().encode())
        if hashes and not self.hash_key:
            raise ValueError("expected `hash_key` beside `action: hash`")
        if hashes and not _MIN_HASH_KEY_BYTES <= length <= _MAX_HASH_KEY_BYTES:
            raise ValueError(
                f"expected a `hash_key` of {_MIN_HASH_KEY_BYTES} to {_MAX_HASH_KEY_BYTES} bytes, got {length}"
            )


def _pointer(field: str) -> Pointer:
    return Pointer(field if field.startswith("/") else f"/{field}")


def _path(field: str) -> tuple[str, ...]:
    """Raises ValueError."""
    path = _pointer(field).path
    if path[0] in _NEVER or (path[0] == "data" and len(path) != 2):
        raise ValueError(f"expected a pointer such as /message, /attributes/user or /data/COLUMN, got {field!r}")
    return path


class Encryptor(Transformer):
    """Encrypts whole events or single fields with AES-256-GCM, hashes fields with a key, or masks them.

    A field becomes a text; of a row, its column does, in `data` and `old`. A whole event becomes an Encrypted. An event
    that has none of the fields goes on as it is.
    """

    type_name = "Encryptor"
    Config = EncryptorConfig

    def __init__(self, config: EncryptorConfig, context: Context) -> None:
        super().__init__(config, context)
        first = config.keys[0] if config.keys else None
        self._sealer = Sealer(first.id, read_key(first.key.reveal())) if first else None
        self._hash_key = config.hash_key.reveal().encode()
        self._counts: dict[str, int] = {action.field: 0 for action in config.fields}
        rules = [(_path(action.field), action) for action in config.fields]
        columns = {path[1]: (path, action) for path, action in rules if path[0] == "data"}
        self._rows = ProtectedRows(
            {name: Rule(self._protect(*rule), rule[1].fits_keys) for name, rule in columns.items()}
        )
        self._fields = ProtectedFields({path: self._protect(path, a) for path, a in rules if path[0] != "data"})
        self._has_columns, self._has_fields = bool(columns), len(columns) < len(rules)
        self._one: Callable[[Any], Event] = self._whole if config.whole else self._protected
        self._sealed = context.metrics.counter(
            "wlf_encrypted_values_total",
            "Values and events that the key encrypted; with random nonces 2^32 is all that it may.",
            key=first.id if first else "",
        )

        name, help = "wlf_protected_values_total", "Values that were encrypted, hashed or masked, by field."
        self._protected_values = {field: context.metrics.counter(name, help, field=field) for field in self._counts}

    @classmethod
    def emits(cls, config: EncryptorConfig, incoming: Kinds) -> Kinds:
        """Whole events become Encrypted; with `fields` each stays of its type."""
        return frozenset((Encrypted,)) if config.whole else incoming

    @classmethod
    def problems(cls, config: EncryptorConfig, incoming: Kinds) -> Iterable[Problem]:
        """Fields that no event has: what is misspelt would stay in clear."""
        for index, action in enumerate(config.fields):
            at = _pointer(action.field)
            if known := at.others_in(incoming):
                message = f"no field '{at.field}' in {kind_names(incoming)}"
                yield Problem(f"fields[{index}].field", message, fault="field", word=at.field, known=known)

    def transform(self, events: Sequence[Any]) -> Sequence[Event]:
        """The events with nothing left to read of what is protected; one that cannot be protected has failed."""
        made: list[Event] = []
        failed: dict[int, str] = {}
        one = self._one
        for index, event in enumerate(events):
            try:
                made.append(one(event))
            except (Unfit, NotText) as error:
                made.append(event)
                failed[index] = str(error)
            except (TypeError, ValueError):
                # What cannot be encoded; the error's own text may quote it.
                made.append(event)
                failed[index] = "a value cannot be written as JSON"
        if self._sealer is not None:
            self._sealed.set(self._sealer.count)
        for field, count in self._counts.items():
            self._protected_values[field].set(count)
        if failed:
            raise TransformFailed(made, failed)
        return made

    def _protect(self, path: tuple[str, ...], action: Action) -> Protect:
        """The function for a field, which counts what it did."""
        protect, counts, field = self._function(path, action), self._counts, action.field

        def counted(value: Any) -> str:
            counts[field] += 1
            return protect(value)

        return counted

    def _function(self, path: tuple[str, ...], action: Action) -> Protect:
        if isinstance(action, Hash):
            return action.function(self._hash_key)
        if isinstance(action, Mask):
            return action.function()
        assert self._sealer is not None
        token = self._sealer.tokens(field_label(path))
        return lambda value: token(as_json(value))

    def _protected(self, event: Any) -> Event:
        if isinstance(event, DeadLetter) and isinstance(event.event, Event):
            inner = self._protected(event.event)
            made: Event = event if inner is event.event else replace(event, event=inner)
            return made
        if self._has_columns and isinstance(event, RowChange):
            event = self._rows.event(event)
        if self._has_fields:
            event = self._fields.event(event)
        found: Event = event
        return found

    def _whole(self, event: Any) -> Event:
        assert self._sealer is not None
        values = ((name, getattr(event, name, None)) for name in self.config.keep)
        kept: dict[str, Any] = {name: value for name, value in values if isinstance(value, str | int | float)}
        nonce, ciphertext = self._sealer.event(as_json(event), kept_label(**kept))
        return Encrypted(self._sealer.key_id, nonce, ciphertext, **kept)
