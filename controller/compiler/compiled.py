"""Program and config into an image."""

from __future__ import annotations

import msgspec

from ..._core.config.effective import config_digest
from ..._core.config.model import Config
from ..._core.engine.codes import ElementColumn
from ..._core.engine.image import ENGINE_VERSION, Image, StreamInfo, image_digest, table
from ..._core.engine.latencies import PROFILES
from ..._core.program import tree
from ..._core.program.check import check_program
from ..._core.program.codec import program_digest
from ..._core.program.elements import first_uses
from .elements import collect_elements
from .gaps import certain_gaps
from .lower import Lowering
from .measures import MeasureTables
from .outside import inputs_of, outside_of
from .problems import Problems
from .silent_streams import silent_streams
from .slices import cut_slices
from .waveforms import PulseTables


def compile_program(program: tree.Program, config: Config, latency: str = "ideal") -> Image:
    """The image of ``program`` on ``config`` with a latency profile.

    Raises AskedWrongly with all errors at once, each naming file and line: ``compile_error``, or ``not_yet`` where the
    only fault is that a part of the platform comes later.
    """
    problems = Problems(program.sources)
    for issue in check_program(program):
        problems.add_issue(issue)
    elements = collect_elements(program, config, problems)
    if problems and len(elements.names) < len(first_uses(program.body)):
        problems.raise_if_any()  # nothing below could be understood without them
    if problems:
        problems.raise_if_any()
    pulses = PulseTables(config, problems)
    measures = MeasureTables(config, pulses, problems, program)
    slices = cut_slices(program, elements)
    lowering = Lowering(program, slices, elements, pulses, measures, problems, delays=any(PROFILES[latency]))
    lowering.lower()
    problems.raise_if_any()
    image = Image(
        engine_version=ENGINE_VERSION,
        digest=image_digest(program_digest(program), config_digest(config), latency),
        latency=latency,
        elements=table(elements.rows, ElementColumn.COLUMNS),
        threads=elements.threads,
        threads_needed=elements.needed,
        element_info=elements.info,
        streams=tuple(_stream(item, measures, lowering.timed) for item in program.streams),
        nodes=program.nodes,
        results=program.results,
        sources=program.sources,
        inputs=inputs_of(program),
        outside=outside_of(program) if slices.outside else (),
        remarks=silent_streams(program, measures.trace_inputs),
        **lowering.tables(),
        **measures.tables(),
        **pulses.tables(),
    )
    gaps = certain_gaps(image, lowering.strict_blocks, lowering.memory.constants)
    return msgspec.structs.replace(image, gaps=gaps) if gaps else image


def _stream(item: tree.StreamDeclaration, measures: MeasureTables, timed: set[str]) -> StreamInfo:
    kind = measures.trace_kind(item.name)
    return StreamInfo(
        name=item.name,
        type=item.type,
        adc=item.adc,
        trace_length=kind.length,
        timed=item.name in timed and not item.adc,
        complex=kind.complex,
        per_ns=kind.per_ns,
    )
