"""Records as JSON for other programs: every field is there, defaults too (on the wire they are left out)."""

from __future__ import annotations

import json
from typing import Any

import msgspec


def json_of(record: Any) -> str:
    """One line of JSON."""
    return json.dumps(record, default=_fields, ensure_ascii=False)


def _fields(record: Any) -> Any:
    if isinstance(record, msgspec.Struct):
        return msgspec.structs.asdict(record)
    raise TypeError(f"{type(record).__name__} is no record")
