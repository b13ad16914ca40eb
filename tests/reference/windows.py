"""Sections 2, 8 and 18 of docs/arithmetic.md: what a measure listens to, and when."""

from __future__ import annotations

from quaymaster._core.config import model
from quaymaster._core.program import tree

from .board import Inlet, Listening, Window
from .plants import inlet_of, inlets_of
from .records import pulse_of


def windows_of(config: model.Config, listening: Listening) -> list[Window]:
    """Section 2: the windows of the integrals of a measure; section 8: those of its raw traces."""
    node = listening.measure
    element = config.elements[node.element]
    pulse = pulse_of(config, node.element, node.operation)
    begin = listening.start + (element.time_of_flight or 0)
    found = []
    number = 0
    for n, process in enumerate(node.processes):
        if isinstance(process, tree.Tagging | tree.Counting):
            at, end = tagged_inlet(element, process), begin + process.max_time
            found.append(Window(listening=listening, process=n, output=0, at=at, start=begin, end=end))
            continue
        length = config.integration_weights[pulse.integration_weights[process.weights[0]]].length
        size = 4 * process.chunk or length
        for piece in range(length // size):
            first = begin + piece * size
            for output, name in enumerate(process.outputs):
                window = Window(
                    listening=listening,
                    process=n,
                    output=output,
                    piece=piece,
                    number=number,
                    at=inlet_of(element, name, output),
                    start=first,
                    end=first + size,
                )
                found.append(window)
            number += 1
    if node.stream is not None and pulse.digital_marker is not None:
        first, last = begin - element.smearing, begin + pulse.length + element.smearing
        for output, at in enumerate(inlets_of(element)):
            found.append(Window(listening=listening, process=-1, output=output, at=at, start=first, end=last))
    return found


def tagged_inlet(element: model.Element, process: tree.Tagging | tree.Counting) -> Inlet:
    """The input that is tagged; of several that are counted, the first."""
    if isinstance(process, tree.Tagging) and process.kind != "time_tagging.digital":
        return inlet_of(element, process.output, 0)
    name = process.output if isinstance(process, tree.Tagging) else process.outputs[0]
    return element.digitalOutputs[name or next(iter(element.digitalOutputs))], "digital"
