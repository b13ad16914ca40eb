"""What users hand in, as plain data: configs with numpy values in them become bytes that a broker can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .._core.errors import AskedWrongly
from .._core.wire import limits


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
        body = msgspec.msgpack.encode(config, enc_hook=_plain)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        try:
            body = msgspec.msgpack.encode(_plain_keys(config), enc_hook=_plain)
        except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
            raise AskedWrongly(
                f"the config holds what is not plain data: {error}",
                code="bad_config",
                hint="use dicts, lists, tuples, strings, numbers, booleans and numpy arrays",
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
