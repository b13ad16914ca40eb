"""What users hand in, as plain data: configs with numpy values in them become bytes that a broker can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .._core.errors import AskedWrongly
from .._core.wire import limits

_NOT_PLAIN = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)
_PLACE_DEPTH_MAX = 12
"""Keys and indices of the place that an error names."""


def pack_config(config: Mapping[Any, Any]) -> bytes:
    """A config as the body of a request; the given one is only read.

    Numpy scalars and arrays are taken as numbers and lists. Raises AskedWrongly: `bad_config` where it is no mapping or
    holds what is not plain data, `too_large` beyond BODY_BYTES.
    """
    if not isinstance(config, Mapping):
        raise AskedWrongly(
            f"a config is a dict, not {type(config).__name__}", code="bad_config", hint="see the platform's config page"
        )
    try:
        body = _packed(config)
    except _NOT_PLAIN as error:
        place = _place_of_fault(config)
        raise AskedWrongly(
            f"the config holds what is not plain data{f', in key {place}' if place else ''}: {error}",
            code="bad_config",
            hint="use dicts, lists, tuples, strings, numbers, booleans and numpy arrays",
            details={"path": place},
        ) from None
    if len(body) > limits.BODY_BYTES:
        raise AskedWrongly(
            f"the config has {len(body)} bytes; the limit is {limits.BODY_BYTES} (BODY_BYTES)",
            code="too_large",
            hint="use fewer or shorter arbitrary waveforms, or override them per job",
            details={"limit": "BODY_BYTES", "value": limits.BODY_BYTES, "size": len(body)},
        )
    return body


def plain_number(value: Any, what: str) -> int | float | bool:
    """A Python number from a Python or numpy one. Raises AskedWrongly `bad_value`."""
    value = value.item() if hasattr(value, "item") and not isinstance(value, (int, float)) else value
    if isinstance(value, bool) or type(value) in (int, float):
        return value  # type: ignore[no-any-return]
    if isinstance(value, (int, float)):  # numpy.float64 and enums of numbers
        return float(value) if isinstance(value, float) else int(value)
    raise AskedWrongly(f"{what} must be a number or a boolean, not {value!r:.80}", code="bad_value")


def _packed(value: Any) -> bytes:
    """Raises one of _NOT_PLAIN."""
    try:
        return msgspec.msgpack.encode(value, enc_hook=_plain)
    except _NOT_PLAIN:
        return msgspec.msgpack.encode(_plain_keys(value), enc_hook=_plain)


def _place_of_fault(value: Any, place: str = "", depth: int = 0) -> str:
    """Where in a config the first value stands that cannot be packed."""
    value = value.tolist() if hasattr(value, "tolist") else value
    parts: Iterable[tuple[str, Any]] = ()
    if depth < _PLACE_DEPTH_MAX and isinstance(value, Mapping):
        parts = ((f"{place}.{key!s:.80}" if place else f"{key!s:.80}", item) for key, item in value.items())
    elif depth < _PLACE_DEPTH_MAX and isinstance(value, (list, tuple)):
        parts = ((f"{place}[{index}]", item) for index, item in enumerate(value))
    for where, item in parts:
        try:
            _packed(item)
        except _NOT_PLAIN:
            return _place_of_fault(item, where, depth + 1)
    return place


def _plain(value: Any) -> Any:
    """What msgspec asks about a value that it does not know."""
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"a {type(value).__name__} is not plain data")


def _plain_keys(value: Any) -> Any:
    """The same with keys that are numpy integers as Python's."""
    if isinstance(value, Mapping):
        return {key.item() if hasattr(key, "item") else key: _plain_keys(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_keys(item) for item in value]
    return value
