"""Reading raw values: every reader reports what is wrong and goes on with a stand-in, so all errors show at once.

``Fields`` reads the keys of one mapping. An optional key that is wrong is reported and its default is used; a required
one that is missing or wrong is reported and sets ``broken``, and the caller drops the record. A number out of range is
reported and used as it is, so that the checks behind it still run.
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from .issues import Level, Report, shown
from .limits import ENTRY_KEYS_MAX, NAME_LENGTH_MAX

T = TypeVar("T")
Choice = TypeVar("Choice", bound=str)

_SUGGESTED_LENGTH_MAX = 64  # difflib is quadratic in the length


def plain(raw: Any) -> Any:
    """numpy's scalars and arrays as Python's own numbers and lists (without importing numpy); the rest as it is."""
    return raw.tolist() if type(raw).__module__ == "numpy" and hasattr(raw, "tolist") else raw


def as_float(raw: object) -> float | None:
    """A finite float (−0.0 becomes 0.0), or None. Booleans and text are no numbers; numpy's scalars are."""
    raw = plain(raw)
    if isinstance(raw, bool) or not isinstance(raw, numbers.Real):
        return None
    try:
        value = float(raw) + 0.0
    except (OverflowError, ValueError, TypeError):
        return None
    return value if math.isfinite(value) else None


def as_int(raw: object) -> int | None:
    """An int of at most 63 bits, or None; a float without fraction is taken as the int it is."""
    raw = plain(raw)
    value = as_float(raw)
    if value is None or not value.is_integer() or abs(value) >= 2**62:
        return None
    return int(raw)  # type: ignore[call-overload,no-any-return]  # a Real, and exact where the float is not


def as_bool(raw: object) -> bool | None:
    """A bool, or None."""
    raw = plain(raw)
    return raw if isinstance(raw, bool) else None


def as_name(raw: object) -> str | None:
    """A name: text of 1 to ``NAME_LENGTH_MAX`` characters that can be written as UTF-8, or None."""
    if not isinstance(raw, str) or not 0 < len(raw) <= NAME_LENGTH_MAX:
        return None
    try:
        raw.encode()
    except UnicodeEncodeError:
        return None
    return str(raw)


def as_key(raw: object) -> int | None:
    """A port, FEM or converter key: an int or a numeric string."""
    if isinstance(raw, str):
        return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= 9 else None
    return as_int(raw)


def as_list(raw: object) -> list[Any] | tuple[Any, ...] | None:
    """A list, tuple or array (as a list), or None."""
    raw = plain(raw)
    return raw if isinstance(raw, (list, tuple)) else None


def key_text(key: object) -> str:
    """A key as it stands in a path."""
    text = key if isinstance(key, str) else shown(key)
    text = text if len(text) <= NAME_LENGTH_MAX else f"{text[:NAME_LENGTH_MAX]}..."
    return text.encode(errors="replace").decode()


def nearest(key: object, known: Collection[str]) -> str:
    """A sentence that names the known key nearest to a wrong one, or all of them where none is near."""
    if isinstance(key, str) and len(key) <= _SUGGESTED_LENGTH_MAX:
        by_lower = {name.lower(): name for name in known}
        close = difflib.get_close_matches(key.lower(), by_lower, n=1)
        if close:
            return f"did you mean '{by_lower[close[0]]}'?"
    return f"known: {shown_names(known)}" if known else "nothing is known here"


def shown_names(names: Collection[str], most: int = 12) -> str:
    """Names in order, at most ``most`` of them."""
    ordered = sorted(names)
    text = ", ".join(ordered[:most])
    return f"{text}, ... ({len(ordered)} in all)" if len(ordered) > most else text


def between(low: float, high: float) -> str:
    """A range in words."""
    return f"between {low:.10g} and {high:.10g}"


class Place:
    """Where a value stands: path, section (for the group), report; ``level`` is that of range errors."""

    def __init__(self, report: Report, section: str, path: str, level: Level = "config") -> None:
        self.report = report
        self.section = section
        self.path = path
        self.level = level

    def under(self, key: object) -> Place:
        """The place of a key inside this one."""
        path = f"{self.path}.{key_text(key)}" if self.path else key_text(key)
        return Place(self.report, self.section, path, self.level)

    def item(self, index: int) -> Place:
        """The place of a list's item inside this one."""
        return Place(self.report, self.section, f"{self.path}[{index}]", self.level)

    def schema(self, message: str) -> None:
        """Report a wrong type, a missing or an unknown key."""
        self.report.add(f"{self.section}.schema", self.path, message)

    def range(self, message: str) -> None:
        """Report a value outside what is allowed."""
        self.report.add(f"{self.section}.range", self.path, message, self.level)

    def rule(self, name: str, message: str, level: Level = "config") -> None:
        """Report a broken rule of its own name."""
        self.report.add(f"{self.section}.{name}", self.path, message, level)


def entries(raw: object, place: Place, most: int = ENTRY_KEYS_MAX) -> Iterator[tuple[str, Any, Place]]:
    """The (name, value, place) of a mapping whose keys are names; everything else is reported and left out."""
    if not isinstance(raw, Mapping):
        place.schema(f"must be a dict, not {shown(raw)}")
        return
    if len(raw) > most:
        place.range(f"has {len(raw)} entries; at most {most} are allowed")
        return
    for key, value in raw.items():
        name = as_name(key)
        if name is None:
            place.under(key).schema(f"a name must be text of 1 to {NAME_LENGTH_MAX} characters, not {shown(key)}")
        else:
            yield name, value, place.under(name)


def numbered(raw: object, place: Place, count: int, what: str) -> Iterator[tuple[int, Any, Place]]:
    """The (number, value, place) of a mapping whose keys are 1..count, as ints or numeric strings."""
    if not isinstance(raw, Mapping):
        place.schema(f"must be a dict, not {shown(raw)}")
        return
    seen: set[int] = set()
    for key, value in raw.items():
        number = as_key(key)
        here = place.under(key if number is None else number)
        if number is None:
            here.schema(f"the key of a {what} must be an int or a numeric string, not {shown(key)}")
        elif number in seen:
            here.schema(f"{what} {number} is given twice")
        elif not 1 <= number <= count:
            here.rule("portNumbers", f"there is no {what} {number}; its number is 1 to {count}", "physical")
        else:
            seen.add(number)
            yield number, value, here


class Fields:
    """The keys of one mapping of the raw config, each read with its type, default and range."""

    def __init__(self, raw: object, place: Place, known: Collection[str]) -> None:
        self.place = place
        self.readable = isinstance(raw, Mapping)
        self.broken = not self.readable
        self._raw: Mapping[Any, Any] = raw if isinstance(raw, Mapping) else {}
        if self.broken:
            place.schema(f"must be a dict, not {shown(raw)}")
        for key in self._raw:
            if not (isinstance(key, str) and key in known):
                hint = "" if place.report.full else nearest(key, known)
                place.under(key).schema(f"unknown key {shown(key)}; {hint}")

    def __contains__(self, key: str) -> bool:
        return self._raw.get(key) is not None

    def raw(self, key: str) -> Any:
        """The value as it is, numpy's made Python's (so that it can be compared); None if absent."""
        return plain(self._raw.get(key))

    def at(self, key: str) -> Place:
        """The place of one key."""
        return self.place.under(key)

    def given(self, *keys: str) -> list[str]:
        """Those of ``keys`` that are given and not None."""
        return [key for key in keys if key in self]

    def require(self, key: str) -> bool:
        """Whether a required key is there; reports it (once) if not."""
        if key in self:
            return True
        if self.readable:
            self.at(key).schema(f"the required key '{key}' is missing")
        self.broken = True
        return False

    def mismatch(self, key: str, wanted: str) -> None:
        """Report a value of the wrong type."""
        self.at(key).schema(f"must be {wanted}, not {shown(self.raw(key))}")

    def number(self, key: str, default: T, low: float = -math.inf, high: float = math.inf) -> float | T:
        """A finite number."""
        if key not in self:
            return default
        value = as_float(self.raw(key))
        if value is None:
            self.mismatch(key, "a finite number")
            return default
        if not low <= value <= high:
            self.at(key).range(f"is {value:.10g}; must be {between(low, high)}")
        return value

    def integer(self, key: str, default: T, low: int, high: int, multiple: int = 1) -> int | T:
        """An integer, in range and a multiple."""
        if key not in self:
            return default
        value = as_int(self.raw(key))
        if value is None:
            self.mismatch(key, "an integer")
            return default
        if not low <= value <= high:
            self.at(key).range(f"is {value}; must be {between(low, high)}")
        if value % multiple:
            self.at(key).range(f"is {value}; must be a multiple of {multiple}")
        return value

    def boolean(self, key: str, default: bool) -> bool:
        """True or False."""
        value = as_bool(self.raw(key)) if key in self else default
        if value is None:
            self.mismatch(key, "True or False")
            return default
        return value

    def name(self, key: str, default: T) -> str | T:
        """A name (text)."""
        if key not in self:
            return default
        value = as_name(self.raw(key))
        if value is None:
            self.mismatch(key, "a name")
            return default
        return value

    def choice(self, key: str, default: T, choices: Mapping[str, Choice] | tuple[Choice, ...]) -> Choice | T:
        """One of a few words; a mapping gives the meaning of each spelling."""
        if key not in self:
            return default
        value = self.raw(key)
        meanings: Mapping[str, Choice] = choices if isinstance(choices, Mapping) else {str(c): c for c in choices}
        if not isinstance(value, str) or value not in meanings:
            self.mismatch(key, f"one of {', '.join(meanings)}")
            return default
        return meanings[value]

    def need_number(self, key: str, low: float = -math.inf, high: float = math.inf) -> float:
        """A required number; 0.0 and ``broken`` if it cannot be read."""
        value = self.number(key, None, low, high) if self.require(key) else None
        self.broken = self.broken or value is None
        return value if value is not None else 0.0

    def need_integer(self, key: str, low: int, high: int, multiple: int = 1) -> int:
        """A required integer; 0 and ``broken`` if it cannot be read."""
        value = self.integer(key, None, low, high, multiple) if self.require(key) else None
        self.broken = self.broken or value is None
        return value if value is not None else 0

    def need_choice(self, key: str, stand_in: Choice, choices: tuple[Choice, ...]) -> Choice:
        """A required word; ``stand_in`` and ``broken`` if it cannot be read."""
        value = self.choice(key, None, choices) if self.require(key) else None
        self.broken = self.broken or value is None
        return value if value is not None else stand_in
