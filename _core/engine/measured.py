"""The inputs that an element measures, as the engine counts them: real ones, and the parts I and Q of MW ones."""

from __future__ import annotations

from ..config.model import Element, PortRef
from .hearing import Part

Input = tuple[PortRef, Part]
"""A real input, or one part of a MW input."""


def measured_inputs(element: Element) -> list[Input]:
    """In the order of the element's ``outputs``; I, then Q of a MW input."""
    if element.MWOutput is not None:
        return [(element.MWOutput.port, Part.I), (element.MWOutput.port, Part.Q)]
    return [(ref, Part.WHOLE) for ref in element.outputs.values()]


def named_inputs(element: Element) -> dict[str, Input]:
    """The same by name. The parts of a MW input are called I and Q, or, as a dual_demod has them, out1 and out2."""
    measured = measured_inputs(element)
    if element.MWOutput is None:
        return dict(zip(element.outputs, measured, strict=True))
    return dict(zip(("out1", "out2", "I", "Q"), measured * 2, strict=True))
