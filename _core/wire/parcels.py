"""What is brought to a running job from outside, each kind a record, on its way to the broker and from there."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .limits import ELEMENT_INPUTS
from .records import InputEntry, Name, Raw, Record


class Parcel(Record, frozen=True, kw_only=True, tag_field="kind"):
    """What is brought."""


class Resume(Parcel, frozen=True, kw_only=True, tag="resume"):
    """The program goes on from its `pause()`; refused with `not_paused` where it is not in one."""


class Push(Parcel, frozen=True, kw_only=True, tag="push"):
    """An entry for an input stream: as many values, of that type, as the stream declares."""

    entry: InputEntry


class Trigger(Parcel, frozen=True, kw_only=True, tag="trigger"):
    """An edge of an external trigger."""

    name: Name = ""


class SetRegisters(Parcel, frozen=True, kw_only=True, tag="set_registers"):
    """IO1 and IO2; None leaves one as it is."""

    io1: Raw | None = None
    io2: Raw | None = None


class ReadRegisters(Parcel, frozen=True, kw_only=True, tag="read_registers"):
    """Nothing is brought; the answer has both registers."""


class SetFrequency(Parcel, frozen=True, kw_only=True, tag="set_frequency"):
    """The frequency of an element's oscillator."""

    element: Name
    frequency_hz: float


class SetCorrection(Parcel, frozen=True, kw_only=True, tag="set_correction"):
    """The correction of an element's mixer: c00, c01, c10, c11."""

    element: Name
    values: Annotated[list[float], msgspec.Meta(min_length=4, max_length=4)]


class SetOffsets(Parcel, frozen=True, kw_only=True, tag="set_offsets"):
    """DC offsets in V of the ports of inputs of an element: all of them are set, or none."""

    element: Name
    offsets: Annotated[list[tuple[Name, float]], msgspec.Meta(min_length=1, max_length=ELEMENT_INPUTS)]


class ReadElement(Parcel, frozen=True, kw_only=True, tag="read_element"):
    """Nothing is brought; the answer has what an element is set to."""

    element: Name


ToJob = Resume | Push | Trigger | SetFrequency | SetCorrection | SetOffsets
"""What a client brings to a job."""
Parcels = (
    Resume | Push | Trigger | SetRegisters | ReadRegisters | SetFrequency | SetCorrection | SetOffsets | ReadElement
)
