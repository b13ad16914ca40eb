"""What reaches a job from outside while it runs, one entry each, as it is logged and given to a run that repeats it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from ..errors import AskedWrongly
from . import settings
from .image import Image, ImageInput

Kind: TypeAlias = Literal["io", "input", "resume", "trigger", "frequency", "correction", "offset"]
KINDS: tuple[Kind, ...] = ("io", "input", "resume", "trigger", "frequency", "correction", "offset")
SETTINGS: frozenset[Kind] = frozenset({"frequency", "correction", "offset"})

OUTSIDE_ENTRIES_MAX = 1 << 20  # of one job
OUTSIDE_VALUES_MAX = 1 << 22  # raw values in all entries of one job
INPUT_ITEMS_MAX = 1 << 16  # of one input stream, not yet taken
CYCLE_NS = 4


class Outside(msgspec.Struct, frozen=True):
    """One entry of the log of a job (docs/arithmetic.md, section 15).

    - ``io``: ``raws[0]`` stands in register ``name`` ("1" or "2") from its access number ``place`` on.
    - ``input``: item ``place`` of the input stream ``name``; it can be taken from ``instant_ns`` on.
    - ``resume``: ends pause number ``place``.
    - ``trigger``: edge number ``place``, at ``instant_ns``, at the controller ``name`` ("": at all).
    - ``frequency``, ``correction``, ``offset``: happens just before act ``place`` of the element ``name``: the
      increment of a frequency (2⁻⁶⁴ turns a ns, modulo 2⁶⁴) and its fold, four values of a correction, the offset of
      its ``input`` in V (steps of 2⁻¹⁶).

    ``instant_ns`` of all but input and trigger only tells how far the job was.
    """

    kind: Kind
    name: str = ""
    place: int = 0
    instant_ns: int = 0
    raws: tuple[int, ...] = ()
    input: str = ""


def input_number(image: Image, name: str) -> int:
    """Which input stream ``name`` is; AskedWrongly ``no_such_input_stream``."""
    for number, item in enumerate(image.inputs):
        if item.name == name:
            return number
    known = ", ".join(item.name for item in image.inputs)
    raise AskedWrongly(
        f"the program has no input stream {name!r}",
        code="no_such_input_stream",
        hint=f"it has: {known}" if known else "declare one with declare_input_stream",
    )


def check_item(item: ImageInput, raws: Sequence[int]) -> tuple[int, ...]:
    """The raw values of one item; AskedWrongly ``input_size`` or ``bad_input_value`` where they do not fit it."""
    values = tuple(raws)
    if len(values) != item.size:
        raise AskedWrongly(
            f"an item of the input stream {item.name!r} has {item.size} values, not {len(values)}",
            code="input_size",
            hint="push as many values at once as the program declares",
        )
    least, most = (0, 1) if item.type == "bool" else (-(1 << 31), (1 << 31) - 1)
    for value in values:
        if not isinstance(value, int) or not least <= value <= most:
            raise AskedWrongly(
                f"{value!r} is not the raw number of a {item.type}, as the input stream {item.name!r} takes it",
                code="bad_input_value",
            )
    return values


def check_register(number: int, raw: int) -> None:
    """AskedWrongly ``no_such_io`` or ``bad_input_value`` for what is no IO register or no raw number."""
    if number not in (1, 2):
        raise AskedWrongly(f"there is no IO register {number!r}", code="no_such_io", hint="they are 1 and 2")
    if not isinstance(raw, int) or not -(1 << 31) <= raw < 1 << 31:
        raise AskedWrongly(f"{raw!r} is no raw number of 32 bits", code="bad_input_value")


def check_log(image: Image, log: Sequence[Outside]) -> None:
    """AskedWrongly ``bad_outside_log`` where the entries cannot be a log of this image: places or instants go wrong."""
    places: dict[tuple[str, str], int] = {}
    instants: dict[tuple[str, str], int] = {}
    controllers = {"", *(element.controller for element in image.element_info)}
    for entry in log:
        key: tuple[str, str] = entry.kind, entry.name if entry.kind in ("io", "input") else ""
        if entry.kind in SETTINGS:
            key = "setting", entry.name
            if entry.place < places.get(key, 0) or not _fits(image, entry):
                raise AskedWrongly(f"{entry} cannot stand in the log of this job", code="bad_outside_log")
            places[key] = entry.place
            continue
        if entry.kind == "io":
            good = entry.name in ("1", "2") and len(entry.raws) == 1 and entry.place >= places.get(key, 0)
            places[key] = entry.place
        else:
            good = entry.place == places.get(key, 0) and entry.instant_ns >= instants.get(key, 0)
            places[key], instants[key] = entry.place + 1, entry.instant_ns
        if entry.kind == "trigger":
            good = good and entry.instant_ns % CYCLE_NS == 0 and entry.name in controllers
        if not good:
            raise AskedWrongly(f"{entry} cannot stand in the log of this job", code="bad_outside_log")
        if entry.kind == "io":
            check_register(int(entry.name), entry.raws[0])
        if entry.kind == "input":
            check_item(image.inputs[input_number(image, entry.name)], entry.raws)


def _fits(image: Image, entry: Outside) -> bool:
    """Whether a setting is one of an element of the image."""
    number = settings.element_number(image, entry.name)
    if entry.kind == "frequency":
        return len(entry.raws) == 2 and 0 <= entry.raws[0] < 1 << 64 and entry.raws[1] in (0, 1)
    if entry.kind == "correction":
        low, high, count = -settings.CORRECTION_STEPS, settings.CORRECTION_STEPS - 1, 4
    else:
        input = settings.offset_input(image.element_info[number], entry.input)
        low, high, count = input.low, input.high, 1
    return len(entry.raws) == count and all(low <= raw <= high for raw in entry.raws)
