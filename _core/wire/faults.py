"""Errors over the wire: `Fault` there, `QuaymasterError` here. Only the three known families come back to life."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .. import errors
from . import limits
from .records import Detail, Fault, Scalar

_CLASSES: dict[str, type[errors.QuaymasterError]] = {
    "asked_wrongly": errors.AskedWrongly,
    "taken": errors.Taken,
    "bug": errors.OurBug,
}


def fault_of(error: BaseException) -> Fault:
    """The wire form of an exception. One that is not ours becomes family "bug", with its class named."""
    if not isinstance(error, errors.QuaymasterError):
        message = f"{type(error).__name__}: {error}"
        return Fault(family="bug", code="internal_error", message=_cut(message), hint="please report this")
    family = error.family if error.family in _CLASSES else "bug"
    return Fault(
        family=family,  # type: ignore[arg-type]
        code=error.code[: limits.NAME_CHARS],
        message=_cut(error.message),
        hint=_cut(error.hint),
        details=_plain_details(error.details),
    )


def exception_of(fault: Fault) -> errors.QuaymasterError:
    """The exception that a fault stands for, ready to be raised."""
    kind = _CLASSES[fault.family]
    return kind(fault.message, code=fault.code, hint=fault.hint, details=dict(fault.details))


def _cut(text: str) -> str:
    return text if len(text) <= limits.MESSAGE_CHARS else text[: limits.MESSAGE_CHARS - 4] + " ..."


def _plain_details(details: Mapping[str, Any]) -> dict[str, Detail]:
    entries = list(details.items())[: limits.DETAILS_ITEMS]
    return {str(key): _detail(value) for key, value in entries}


def _detail(value: Any) -> Detail:
    if isinstance(value, Mapping):
        return {str(key): _scalar(item) for key, item in list(value.items())[: limits.DETAILS_ITEMS]}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_entry(item) for item in list(value)[: limits.DETAILS_ITEMS]]
    return _scalar(value)


def _entry(value: Any) -> Scalar | dict[str, Scalar]:
    if isinstance(value, Mapping):
        return {str(key): _scalar(item) for key, item in value.items()}
    return _scalar(value)


def _scalar(value: Any) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return _cut(str(value))
