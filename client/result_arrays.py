"""From a stream's bytes to numpy: dtypes and shapes as the platform's client gives them (its streams page, 4.3).

On the wire an item of a stream is its schema's `shape` of values in C order, little-endian; with timestamps it is that
shape of packed (value, int64 ns) pairs. A pair of zip is one value after the other; its schema's dtype is numpy's text
for both, such as `<i8,(3,)<f8`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._core.errors import OurBug
from .._core.wire import StreamSchema

_WIDE = {"i": np.dtype("<i8"), "u": np.dtype("<i8"), "f": np.dtype("<f8"), "b": np.dtype("|b1"), "c": np.dtype("<c16")}


def value_dtype(schema: StreamSchema) -> np.dtype[Any]:
    """The dtype of one value as users see it: int64, float64, bool or complex128."""
    kind = np.dtype(schema.dtype)
    return _WIDE.get(kind.kind, kind)


def pair_dtype(schema: StreamSchema) -> np.dtype[Any] | None:
    """The dtype of a pair of zip: the fields `value_0` and `value_1`; None where items are no pairs."""
    fields = np.dtype(schema.dtype).fields
    if fields is None:
        return None
    return np.dtype([(f"value_{number}", part[0]) for number, part in enumerate(fields.values())])


def item_dtype(schema: StreamSchema) -> np.dtype[Any]:
    """The dtype of an item: a record with the field `value` (of the item's shape), and `timestamp` where it has one, or
    the two fields of a pair.
    """
    pairs = pair_dtype(schema)
    return _record(schema, value_dtype(schema)) if pairs is None else pairs


def _record(schema: StreamSchema, value: np.dtype[Any]) -> np.dtype[Any]:
    shape = tuple(schema.shape)
    fields: list[Any] = [("value", value, shape) if shape else ("value", value)]
    if schema.timestamps:
        fields.append(("timestamp", "<i8", shape) if shape else ("timestamp", "<i8"))
    return np.dtype(fields)


def wire_dtype(schema: StreamSchema) -> np.dtype[Any]:
    """The dtype of the item's bytes on the wire."""
    kind = np.dtype(schema.dtype)
    if (pairs := pair_dtype(schema)) is not None:
        return pairs
    if not schema.timestamps:
        return _record(schema, kind)
    pair = np.dtype([("value", kind), ("timestamp", "<i8")])
    return np.dtype((pair, tuple(schema.shape))) if schema.shape else pair


def array_of(schema: StreamSchema, count: int, chunks: Iterable[Any], flat_struct: bool) -> np.ndarray[Any, Any]:
    """`count` items of a stream from their bytes, as the platform's `fetch_all` has them.

    Not flat: a record array of shape (count,). Flat: plain values of shape (count, *shape), without the first axis for
    one item; scalars and pairs keep their records.
    """
    kind = wire_dtype(schema)
    data = b"".join(chunks)
    if len(data) != count * kind.itemsize:
        raise OurBug(
            f"stream {schema.name!r}: {count} items of {kind.itemsize} bytes came as {len(data)} bytes",
            code="bad_answer",
        )
    raw = np.frombuffer(data, np.uint8).view() if count else np.empty(0, np.uint8)
    records = _records(schema, raw, count)
    if not flat_struct or schema.timestamps or not schema.shape:
        return records
    values = np.ascontiguousarray(records["value"])
    return values[0] if count == 1 else values


def _records(schema: StreamSchema, raw: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """The bytes as writable records of the dtype that users see."""
    if (two := pair_dtype(schema)) is not None:
        return raw.view(two).copy()
    shape = tuple(schema.shape)
    result = np.empty(count, item_dtype(schema))
    scalar = np.dtype(schema.dtype)
    if schema.timestamps:
        pairs = raw.view(np.dtype([("value", scalar), ("timestamp", "<i8")])).reshape(count, *shape)
        result["value"], result["timestamp"] = pairs["value"], pairs["timestamp"]
    else:
        result["value"] = raw.view(scalar).reshape(count, *shape)
    return result


def single_value(records: np.ndarray[Any, Any]) -> Any:
    """The one item of a `save`: a numpy scalar, an array of its shape, or a record of value and timestamp."""
    item = records[0]
    if records.dtype.names == ("value",):
        value = item["value"]
        return value.copy() if isinstance(value, np.ndarray) else value
    return item
