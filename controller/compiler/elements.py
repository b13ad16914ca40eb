"""The elements of a program: their threads, ports and oscillators, and what of them is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ..._core.config.model import Config, Element, PortRef
from ..._core.config.ranges import full_scale_volts
from ..._core.config.threads import threads_needed
from ..._core.engine.codes import THREADS_MAX, ElementColumn
from ..._core.engine.image import ImageElement, OffsetInput
from ..._core.engine.settings import phase_fold, phase_increment
from ..._core.program import tree
from ..._core.program.elements import first_uses
from .problems import Problems
from .waveforms import plays_at_2_gs

_KINDS = {None: 0, "singleInput": 1, "singleInputCollection": 1, "multipleInputs": 1, "mixInputs": 2, "MWInput": 2}


class Elements(msgspec.Struct, kw_only=True):
    """The elements that a program names, in the order of first use; ``index`` and ``thread`` by name.

    ``sharing``: for each element on a shared oscillator all of these on it. ``voices``: for each element of which one
    input plays at a time, the row of each input by name. They stand behind those of the elements, in ``info`` too.
    ``mixed``: those with a mixer. ``offsets``: for each element its inputs that have a DC offset, by name: row, and
    place among the inputs of the row. ``microwaves``: those on MW-FEMs. ``ranges``: the volts
    that end those of each output.
    """

    names: tuple[str, ...]
    index: dict[str, int]
    thread: dict[str, int]
    threads: tuple[str, ...]
    needed: tuple[tuple[str, int, int], ...]
    info: tuple[ImageElement, ...]
    rows: list[list[int]]
    sharing: dict[str, tuple[str, ...]]
    microwaves: frozenset[str]
    voices: dict[str, dict[str, int]]
    mixed: frozenset[str]
    offsets: dict[str, dict[str, tuple[int, int]]]
    ranges: dict[PortRef, float]

    def thread_mask(self, names: Iterable[str]) -> int:
        """The threads of these elements, a bit each."""
        mask = 0
        for name in names:
            mask |= 1 << self.thread[name]
        return mask


def collect_elements(program: tree.Program, config: Config, problems: Problems) -> Elements:
    """The tables of all elements of the program; faults go to ``problems`` and their elements are left out."""
    uses = first_uses(program.body)
    good = {name: at for name, at in uses.items() if _usable(config, name, at, problems)}
    _check_cores(config, good, problems)
    threads: dict[tuple[bool, str], int] = {}
    for name in good:
        threads.setdefault(_thread_key(config.elements[name], name), len(threads))
    if len(threads) > THREADS_MAX:
        problems.add(-1, f"the program needs {len(threads)} threads; the limit is {THREADS_MAX} (THREADS_MAX)")
    thread = {name: threads[_thread_key(config.elements[name], name)] for name in good}
    needed = threads_needed(config, good) if good else {}
    index = {name: number for number, name in enumerate(good)}
    info = [_info(config, name, thread[name]) for name in good]
    voices = _add_voices(config, info)
    offsets = {name: _offsets(config.elements[name], number, voices.get(name)) for name, number in index.items()}
    for number, item in enumerate(info):
        with_offset = (_offset_input(config, info, name, *at) for name, at in offsets[item.name].items())
        info[number] = msgspec.structs.replace(item, offsets=tuple(with_offset))
    return Elements(
        names=tuple(good),
        index=index,
        thread=thread,
        threads=tuple(name for _, name in threads),
        needed=tuple((controller, fem, count) for (controller, fem), count in needed.items()),
        info=tuple(info),
        rows=[_row(config, item, index[item.name]) for item in info],
        sharing=_sharing(config, good),
        microwaves=frozenset(name for name in good if config.elements[name].MWInput is not None),
        voices=voices,
        mixed=frozenset(name for name in good if config.elements[name].mixInputs is not None),
        ranges={ref: full_scale_volts(config.analog_output(ref)) for item in info for ref in item.inputs},
        offsets=offsets,
    )


def _offsets(element: Element, row: int, voices: dict[str, int] | None) -> dict[str, tuple[int, int]]:
    if voices is not None:
        return {name: (voice, 0) for name, voice in voices.items()}
    if element.MWInput is not None:
        return {}
    names = ("single",) if element.singleInput is not None else element.input_ports
    return {name: (row, place) for place, name in enumerate(names)}


def _offset_input(config: Config, info: list[ImageElement], name: str, row: int, place: int) -> OffsetInput:
    volts = full_scale_volts(config.analog_output(info[row].inputs[place]))
    steps = int(volts * 65536)
    return OffsetInput(name=name, row=row, place=place, low=-steps, high=steps - int(2 * volts))


def _add_voices(config: Config, info: list[ImageElement]) -> dict[str, dict[str, int]]:
    """A row for each port of the elements of which one input plays at a time; these have no inputs of their own."""
    voices: dict[str, dict[str, int]] = {}
    for number, item in enumerate(list(info)):
        collection = config.elements[item.name].singleInputCollection
        if collection is None:
            continue
        info[number] = msgspec.structs.replace(item, inputs=())
        row_of: dict[PortRef, int] = {}
        for ref in dict.fromkeys(collection.inputs.values()):
            row_of[ref] = len(info)
            info.append(msgspec.structs.replace(item, inputs=(ref,)))
        voices[item.name] = {name: row_of[ref] for name, ref in collection.inputs.items()}
    return voices


def _thread_key(element: Element, name: str) -> tuple[bool, str]:
    """What elements of one thread share: a core never merges with an element of that name."""
    return element.core is not None, element.core or name


def _usable(config: Config, name: str, at: int, problems: Problems) -> bool:
    element = config.elements.get(name)
    if element is None:
        problems.add(at, f"element '{name}' is not in the config")
        return False
    reasons = list(_later(config, element))
    for reason in reasons:
        problems.add(at, f"element '{name}': {reason} is not supported yet", later=True)
    return not reasons


def _later(config: Config, element: Element) -> Iterator[str]:
    """Parts of an element that come with a later version."""
    if element.RF_inputs is not None:
        yield "RF_inputs"
    if element.singleInputCollection is not None and element.sticky is not None:
        yield "sticky with a singleInputCollection"
    if element.RF_outputs is not None:
        yield "RF_outputs"
    rates = {config.analog_output(ref).sampling_rate for ref in element.input_ports.values()}
    if len(rates) > 1:
        yield "ports at two rates"


def _sharing(config: Config, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        oscillator = config.elements[name].oscillator
        if oscillator is not None:
            groups.setdefault(oscillator, []).append(name)
    return {name: tuple(group) for group in groups.values() for name in group}


def _check_cores(config: Config, uses: dict[str, int], problems: Problems) -> None:
    """Elements of one core have one kind of input and one controller."""
    first: dict[str, str] = {}
    for name, at in uses.items():
        element = config.elements[name]
        if element.core is None:
            continue
        other = first.setdefault(element.core, name)
        if config.elements[other].input_kind != element.input_kind:
            kinds = f"{config.elements[other].input_kind} and {element.input_kind}"
            problems.add(
                at, f"elements '{other}' and '{name}' share core '{element.core}' but are of two kinds: {kinds}"
            )
        elif _home(config.elements[other]) != _home(element):
            problems.add(at, f"elements '{other}' and '{name}' share core '{element.core}' but are on two controllers")


def _home(element: Element) -> str:
    refs: list[PortRef] = [*element.input_ports.values(), *element.output_ports.values()]
    refs += [digital.port for digital in element.digitalInputs.values()]
    refs += element.digitalOutputs.values()
    return refs[0].controller if refs else ""


def _info(config: Config, name: str, thread: int) -> ImageElement:
    element = config.elements[name]
    microwave = element.MWInput is not None
    return ImageElement(
        name=name,
        thread=thread,
        controller=_home(element),
        inputs=tuple(element.input_ports.values()) * (2 if microwave else 1),
        outputs=tuple(element.output_ports.values()),
        time_of_flight=element.time_of_flight or 0,
        correction=config.mixer_correction(name),
        oscillator=element.oscillator or "",
        mixed=element.mixInputs is not None,
        full_scale=full_scale_volts(config.analog_output(element.MWInput.port)) if element.MWInput is not None else 1.0,
        per_ns=2 if plays_at_2_gs(config, element) else 1,
    )


def _row(config: Config, info: ImageElement, number: int) -> list[int]:
    element = config.elements[info.name]
    frequency = config.intermediate_frequency(info.name)
    row = [0] * ElementColumn.COLUMNS
    row[ElementColumn.THREAD] = info.thread
    row[ElementColumn.OWNER] = number
    increment = phase_increment(frequency or 0.0)
    row[ElementColumn.INCREMENT] = increment - (1 << 64) if increment >= 1 << 63 else increment
    row[ElementColumn.HALVES] = int(info.per_ns == 2)
    row[ElementColumn.FOLD] = phase_fold(frequency or 0.0) if info.per_ns == 2 else 0
    row[ElementColumn.KIND] = _KINDS[element.input_kind]
    row[ElementColumn.TIME_OF_FLIGHT] = info.time_of_flight
    row[ElementColumn.SMEARING] = element.smearing
    row[ElementColumn.STICKY] = element.sticky.duration if element.sticky is not None else 0
    row[ElementColumn.HOLDS_MARKER] = int(element.sticky is not None and element.sticky.digital)
    row[ElementColumn.HAS_OSCILLATOR] = int(frequency is not None)
    return row
