"""Threads (pulse processors): how many a controller has, and how many a set of elements takes.

Costs as the platform counts them: a port in volts 1, at 2 GS/s 2; an IQ pair or a MW output 2; ``multipleInputs`` its
ports together (choice); a ``singleInputCollection`` its dearest port, since one plays at a time (choice); an element
without analog input 1 (choice). Elements that name the same ``core`` run one after another in one thread: the largest
need counts. Threads are counted per (controller, fem); a whole OPX or OPX+ is FEM 1.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import AskedWrongly
from .model import AnalogOutput, Config, Element, PortRef

_OPX_THREADS = {"opx": 10, "opx1": 10, "opx+": 18}
_FEM_THREADS = 16
_MATCHING = {"opx": ("opx1", "opx"), "opx1": ("opx1", "opx"), "opx+": ("opx1", "opx"), "opx1000": ("opx1000",)}

Home = tuple[str, int]


def thread_capacity(controller_type: str, fem_type: str | None = None) -> int:
    """Threads of an OPX (10), an OPX+ (18), or one FEM of an OPX1000 (16); ``controller_type`` is that of the hardware.

    >>> thread_capacity("opx+"), thread_capacity("opx1000", "LF")
    (18, 16)
    """
    kind = controller_type.lower()
    if kind in _OPX_THREADS:
        return _OPX_THREADS[kind]
    if kind == "opx1000" and (fem_type or "").upper() in ("LF", "MW"):
        return _FEM_THREADS
    where = f"{controller_type!r}" if fem_type is None else f"{controller_type!r} with FEM type {fem_type!r}"
    raise AskedWrongly(f"there is no controller of type {where}", hint="opx, opx+, or opx1000 with LF and MW FEMs")


def type_matches(config_type: str, hardware_type: str) -> bool:
    """Whether a config's controller type may name hardware of this type (``opx``, ``opx+``, ``opx1000``).

    >>> type_matches("opx1", "opx+"), type_matches("opx1", "opx1000")
    (True, False)
    """
    return config_type in _MATCHING.get(hardware_type.lower(), ())


def thread_of(config: Config, element: str) -> str:
    """The thread that runs an element: its core's name, else its own name."""
    return _element(config, element).core or element


def threads_needed(config: Config, elements: Iterable[str]) -> dict[Home, int]:
    """Threads by (controller, fem) that a program using these elements holds while it runs; a controller of which it
    has ports alone, such as inputs of an element that plays elsewhere, is there with 0."""
    needs: dict[tuple[Home, bool, str], int] = {}
    names = sorted(set(elements))
    for name in names:
        element = _element(config, name)
        thread = (element.core is not None, element.core or name)  # a core never merges with an element of that name
        for home, cost in _costs(config, element).items():
            key = (home, *thread)
            needs[key] = max(needs.get(key, 0), cost)
    totals: dict[Home, int] = {}
    for (home, _, _), cost in needs.items():
        totals[home] = totals.get(home, 0) + cost
    controllers = {controller for controller, _ in totals}
    for ref in sorted(ref for name in names for ref in _ports(config.elements[name])):
        if ref.controller not in controllers:
            controllers.add(ref.controller)
            totals[ref.controller, ref.fem] = 0
    return dict(sorted(totals.items()))


def _element(config: Config, name: str) -> Element:
    try:
        return config.elements[name]
    except KeyError:
        raise AskedWrongly(f"element '{name}' is not in the config", code="unknown_element") from None


def _costs(config: Config, element: Element) -> dict[Home, int]:
    ports = list(element.input_ports.values())
    if not ports:
        home = _home_without_input(element)
        return {} if home is None else {home: 1}
    if element.singleInputCollection is not None:
        dearest: dict[Home, int] = {}
        for ref in ports:
            home = (ref.controller, ref.fem)
            dearest[home] = max(dearest.get(home, 0), _port_cost(config, ref))
        return dearest
    costs: dict[Home, int] = {}
    for ref in ports:
        home = (ref.controller, ref.fem)
        costs[home] = costs.get(home, 0) + _port_cost(config, ref)
    return costs


def _home_without_input(element: Element) -> Home | None:
    """Where an element without analog input runs: where it measures, else where its digital ports are."""
    refs = _ports(element)
    return (refs[0].controller, refs[0].fem) if refs else None


def _ports(element: Element) -> list[PortRef]:
    """Analog outputs, then inputs, then digital ports."""
    refs = [*element.input_ports.values(), *element.output_ports.values()]
    refs += [digital.port for digital in element.digitalInputs.values()]
    return [*refs, *element.digitalOutputs.values()]


def _port_cost(config: Config, ref: PortRef) -> int:
    port = config.analog_output(ref)
    if not isinstance(port, AnalogOutput):
        return 2
    return 2 if port.sampling_rate == 2e9 else 1
