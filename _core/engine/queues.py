"""Which acquisitions must be evaluated in one order, and which threads they have to wait for.

Windows with processes on one input port (through others, too), analog or digital, make a *queue*; the last queue is
that of all raw traces. A thread matters to a queue if an input there hears one of its elements, or it measures there;
with clock c it can start nothing that is heard, or ends, there before c + lag.
"""

from __future__ import annotations

import msgspec
import numpy as np

from .codes import DIGITAL, EDGE, MeasureColumn, PlayColumn, ProcessColumn, TaggerColumn, WindowColumn
from .hearing import Hearing
from .image import Image, Ints


class Queues(msgspec.Struct, eq=False):
    """``window_queue`` (windows,); ``lags`` (queues, threads) in ns, -1 where the thread does not matter."""

    window_queue: Ints
    lags: Ints


def queues_of(image: Image, hearing: Hearing) -> Queues:
    """The queues of an image behind a plant."""
    group = _groups(image)
    names = sorted(set(group))
    lags: list[dict[int, int]] = [{} for _ in range(len(names) + 1)]
    traces = lags[-1]
    heard = [_heard_by(image, hearing, port) for port in range(len(image.ports))]
    heard += [_marked_by(image, hearing, number) for number in range(len(image.digital_inputs))]
    for port, number in enumerate(group):
        _merge(lags[names.index(number)], heard[port])
    window_queue = np.zeros(len(image.windows), dtype=np.int64)
    for k, window in enumerate(image.windows):
        process = image.processes[window[WindowColumn.FIRST]]
        window_queue[k] = names.index(group[_ports(image, process)[0]])
        if process[ProcessColumn.KIND] == EDGE:
            continue  # no acquisition
        thread, flight, _ = _measuring(image, int(window[WindowColumn.MEASURE]))
        _merge(lags[window_queue[k]], {thread: flight})
    for number, measure in enumerate(image.measures):
        if measure[MeasureColumn.STREAM] < 0:
            continue
        thread, flight, smearing = _measuring(image, number)
        _merge(traces, {thread: flight - smearing})
        first, count = measure[MeasureColumn.FIRST_TRACE_PORT], measure[MeasureColumn.TRACE_PORTS]
        for port in image.trace_ports[first : first + count]:
            _merge(traces, heard[port])
    table = np.full((len(lags), len(image.threads)), -1, dtype=np.int64)
    for queue, entries in enumerate(lags):
        for thread, lag in entries.items():
            table[queue, thread] = max(lag, 0)
    return Queues(window_queue, table)


def _merge(into: dict[int, int], lags: dict[int, int]) -> None:
    for thread, lag in lags.items():
        into[thread] = min(lag, into.get(thread, lag))


def _groups(image: Image) -> list[int]:
    """For each port the least port that it is tied to, because one window has processes that read both.

    Digital inputs are counted behind the others.
    """
    group = list(range(len(image.ports) + len(image.digital_inputs)))
    for window in image.windows:
        first, count = int(window[WindowColumn.FIRST]), int(window[WindowColumn.COUNT])
        ports = {group[port] for process in image.processes[first : first + count] for port in _ports(image, process)}
        if len(ports) > 1:
            group = [min(ports) if other in ports else other for other in group]
    return group


def _ports(image: Image, process: Ints) -> list[int]:
    """The ports that a process reads; digital inputs are counted behind the others."""
    if process[ProcessColumn.KIND] >= DIGITAL:
        tagger = image.taggers[process[ProcessColumn.TAGGER]]
        first, count = int(tagger[TaggerColumn.FIRST_INPUT]), int(tagger[TaggerColumn.INPUTS])
        return [len(image.ports) + int(number) for number in image.digital_reads[first : first + count]]
    legs = int(process[ProcessColumn.LEGS])
    return [int(process[column]) for column in (ProcessColumn.PORT_0, ProcessColumn.PORT_1)[:legs]]


def _heard_by(image: Image, hearing: Hearing, port: int) -> dict[int, int]:
    """The threads that a port hears, with its delay."""
    entry = hearing.port(image.ports[port].ref, image.ports[port].part)
    threads = {element.name: element.thread for element in image.element_info}
    heard = [ear.element for ear in entry.ears] + [name for tail in entry.tails for name in tail.elements]
    return {threads[name]: entry.delay_ns for name in heard if name in threads}


def _marked_by(image: Image, hearing: Hearing, number: int) -> dict[int, int]:
    """The threads whose markers a digital input hears, with its delay."""
    entry = hearing.digital_port(image.digital_inputs[number])
    threads = {element.name: element.thread for element in image.element_info}
    return {threads[name]: entry.delay_ns for name in entry.elements if name in threads}


def _measuring(image: Image, measure: int) -> tuple[int, int, int]:
    """Thread, time of flight and smearing of the element of a measure."""
    play = image.measures[measure, MeasureColumn.PLAY]
    row = image.elements[image.plays[play, PlayColumn.ELEMENT]]
    thread, flight, smearing = (int(row[column]) for column in (0, 3, 4))
    return thread, flight, smearing
