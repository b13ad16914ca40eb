"""What random programs reach: every node type, operator, function, process and event of the executed language."""

from __future__ import annotations

from collections import Counter
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from reference.engine import Outcome, run
from reference.programs import Case, Kind, cases

from quaymaster._core.config import model
from quaymaster._core.program import tree
from quaymaster._core.program.used import walk

KINDS = {
    "linear": Kind(),
    "exact": Kind(numerics="exact", sigmas=(0.0, 1e-3)),
    "noise": Kind(sigmas=(1e-3,), feedback=True, photons=True),
    "classical": Kind(feedback=True, classical=True),
    "library": Kind(feedback=True, classical=True, library=True),
    "loud": Kind(loud=True, feedback=True, sigmas=(0.0, 0.02)),
    "exact, loud": Kind(numerics="exact", loud=True, feedback=True),
    "overlap": Kind(overlap=True, sigmas=(1e-3,), traces=False),
    "outside": Kind(outside=True, feedback=True),
    "edges": Kind(edges=True, feedback=True),
}
EVENTS = [
    "amplitude_range",
    "division_by_zero",
    "frequency_range",
    "input_saturated",
    "integral_overflow",
    "out_of_bounds",
    "overflow",
    "short_duration",
    "shortened_waveform",
    "strict_timing_gap",
    "tof_disagree",
    "waveform_index",
]
WANTED = {
    "expressions": [c.__name__ for c in get_args(tree.Expression)],
    "statements": [c.__name__ for c in get_args(tree.Statement)],
    "operators": list(get_args(tree.BinaryOperator)),
    # math and util have a test for each function: tests/unit/engine/test_library_against_reference.py
    "functions": [name for name in get_args(tree.Function) if not name.startswith(("math.", "util."))],
    "processes": [
        *get_args(tree.ProcessKind),
        *get_args(tree.TaggingKind),
        *get_args(tree.CountingKind),
    ],
    "units": list(get_args(tree.FrequencyUnits)),
    "keep_phase": ["True", "False"],
    "amplitudes": ["0", "1", "4"],
    "plants": ["none", "echo", "loopback", "light"],
    "elements": ["opx1 single", "opx1 iq", "opx1000 single", "opx1000 iq", "opx1000 mw", "several controllers"],
    "fems": [
        "amplified",
        "direct",
        "shifted",
        "out of band",
        "fine single",
        "fine mw",
        "trace at 2 GS/s",
        "beyond 500 MHz",
    ],
    "out of range": ["plain", "crosstalk", "filter", "amplified", "mw"],
    "wires": [
        *["delay", "offset", "changed offset", "crosstalk", "feedforward", "exponential", "feedback"],
        *["feedforward at 2 GS/s", "exponential at 2 GS/s", "high_pass at 2 GS/s", "filtered crosstalk at 2 GS/s"],
    ],
    "events": EVENTS,
    "stamped": ["Play", "Measure"],
    "waits": ["edge", "tagged", "sounding"],
    "continues": ["with a chirp", "without"],
    "inputs": ["singleInput", "mixInputs", "MWInput", "multipleInputs", "singleInputCollection"],
}


def count_nodes(node: Any, seen: dict[str, Counter[str]]) -> None:
    """Add what a tree holds to the counters."""
    if isinstance(node, tuple):
        for item in node:
            count_nodes(item, seen)
    if not isinstance(node, tree.Node):
        return
    kind = "expressions" if isinstance(node, tree.Expression) else "statements"
    seen[kind][type(node).__name__] += 1
    match node:
        case tree.Binary():
            seen["operators"][node.operator] += 1
        case tree.Call():
            seen["functions"][node.function] += 1
        case tree.Process() | tree.Tagging() | tree.Counting():
            seen["processes"][node.kind] += 1
        case tree.UpdateFrequency():
            seen["units"][node.units] += 1
            seen["keep_phase"][str(node.keep_phase)] += 1
        case tree.WaitForTrigger():
            seen["waits"]["edge"] += node.source is not None
            seen["waits"]["tagged"] += node.tag is not None
            seen["waits"]["sounding"] += node.source is not None and node.operation != ""
        case tree.Play() | tree.Measure():
            seen["amplitudes"][str(len(node.amplitude))] += 1
            seen["stamped"][type(node).__name__] += node.timestamp_stream is not None
            if isinstance(node, tree.Play) and node.continues:
                seen["continues"]["without" if node.chirp is None else "with a chirp"] += 1
    for value in msgspec.structs.asdict(node).values():
        count_nodes(value, seen)


def count_ports(case: Case, seen: dict[str, Counter[str]]) -> None:
    """Add what the elements of the config play on, and how far converters are apart for those that are measured."""
    controller = case.config.controllers["con1"]
    homes = {port.controller for e in case.facts.elements for port in case.config.elements[e.name].input_ports.values()}
    seen["elements"]["several controllers"] += len(homes) > 1
    for element in case.facts.elements:
        record = case.config.elements[element.name]
        seen["elements"][f"{controller.type} {element.kind}"] += 1
        seen["inputs"][str(record.input_kind)] += 1
        seen["fems"][f"fine {element.kind}"] += element.fine
        seen["fems"]["beyond 500 MHz"] += element.fine and abs(record.intermediate_frequency or 0.0) > 500e6
        if record.MWInput is not None and record.MWOutput is not None:
            output, heard = (
                case.config.analog_output(record.MWInput.port),
                case.config.analog_input(record.MWOutput.port),
            )
            assert isinstance(output, model.MWAnalogOutput) and isinstance(heard, model.MWAnalogInput)
            up = output.upconverters[record.MWInput.upconverter].frequency
            apart = up - heard.downconverter_frequency + (record.intermediate_frequency or 0.0)
            seen["fems"]["out of band" if abs(apart) >= 500e6 else "shifted"] += 1
        elif controller.type == "opx1000" and record.singleInput is not None:
            port = case.config.analog_output(record.singleInput.port)
            assert isinstance(port, model.AnalogOutput)
            seen["fems"][port.output_mode] += 1


def count_wires(case: Case, outcome: Outcome, seen: Counter[str]) -> None:
    """Add what of an output in volts comes to an input that the program measures."""
    nodes = [node for root in case.program.body for node in walk(root)]
    changed = {node.element for node in nodes if isinstance(node, tree.SetDcOffset)}
    moved = {port for name in changed for port in case.config.elements[name].input_ports.values()}
    heard = {
        port
        for element in case.facts.elements
        if element.measures and any(outcome.streams.values())
        for port in case.config.elements[element.name].output_ports.values()
    }
    for output, inlet in case.plant.wires:
        port = case.config.analog_output(output)
        if inlet not in heard or not isinstance(port, model.AnalogOutput):
            continue
        seen["changed offset"] += output in moved
        found = {"delay": port.delay, "offset": port.offset, "crosstalk": port.crosstalk}
        if port.filter is not None:
            rate = " at 2 GS/s" if port.sampling_rate == 2e9 else ""
            filters = ("feedforward", "exponential", "feedback", "high_pass")
            found |= {name + rate: getattr(port.filter, name) for name in filters}
            found[f"filtered crosstalk{rate}"] = port.crosstalk
        seen.update(name for name, value in found.items() if value)


def count_overflows(case: Case, outcome: Outcome, seen: Counter[str]) -> None:
    """Add what sort of outputs went beyond their range."""
    for port in outcome.overflows:
        output = case.config.analog_output(port)
        if isinstance(output, model.MWAnalogOutput):
            seen["mw"] += 1
            continue
        assert isinstance(output, model.AnalogOutput)
        seen["amplified"] += output.output_mode == "amplified"
        seen["crosstalk"] += bool(output.crosstalk)
        seen["filter"] += output.filter is not None
        seen["plain"] += not output.crosstalk and output.filter is None


def keeps_fine_trace(case: Case, outcome: Outcome) -> bool:
    """Whether a raw trace of an input at 2 GS/s was kept."""
    rates = {
        f"adc_{element.name}": case.config.analog_input(port).sampling_rate
        for element in case.facts.elements
        for port in case.config.elements[element.name].output_ports.values()
    }
    return any(items and rates.get(name) == 2e9 for name, items in outcome.traces.items())


def outcome_of(case: Case) -> Outcome:
    """Run a case on the reference."""
    return run(case.program, case.config, seed=case.seed, numerics=case.numerics, plant=case.plant)


@pytest.fixture(scope="module")
def seen() -> dict[str, Counter[str]]:
    """Counters over 120 programs of each kind."""
    counters: dict[str, Counter[str]] = {name: Counter() for name in [*WANTED, "saved"]}
    for kind in KINDS.values():

        @settings(
            max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(cases(kind))
        def collect(case: Case) -> None:
            count_nodes(case.program.body, counters)
            counters["plants"].update([case.plant.kind, *(["light"] if case.plant.light else [])])
            count_ports(case, counters)
            outcome = outcome_of(case)
            count_wires(case, outcome, counters["wires"])
            count_overflows(case, outcome, counters["out of range"])
            counters["fems"]["trace at 2 GS/s"] += keeps_fine_trace(case, outcome)
            counters["events"].update(code for code, _ in outcome.events)
            counters["saved"]["non-zero measured"] += sum(raw != 0 for raw, _ in outcome.streams.get("fixeds", []))
            counters["saved"]["tags"] += sum(raw > 0 for raw, _ in outcome.streams.get("end_tags", []))
            counters["saved"]["digital tags"] += sum(raw > 0 for raw, _ in outcome.streams.get("end_digital_tags", []))
            counters["saved"]["edges"] += sum(stamp > 0 for raw, stamp in outcome.streams.get("time_tags", []))
            counters["saved"]["values"] += sum(len(items) for items in outcome.streams.values())
            counters["saved"]["traces"] += sum(len(items) for items in outcome.traces.values())

        collect()
    return counters


def test_random_programs_cover_the_language(seen: dict[str, Counter[str]]) -> None:
    """Each thing is there; the table shows how often."""
    for what, counter in seen.items():
        print(f"{what:12}", ", ".join(f"{name} {n}" for name, n in counter.most_common()))
    missing = {what: [n for n in names if not seen[what][n]] for what, names in WANTED.items()}
    assert not any(missing.values()), missing


def test_random_programs_measure_something(seen: dict[str, Counter[str]]) -> None:
    """Programs that save only zeros would judge nothing: many measured values are not zero."""
    assert seen["saved"]["non-zero measured"] > 300
    assert seen["saved"]["traces"] > 50
    assert seen["saved"]["digital tags"] > 50
    assert seen["saved"]["edges"] > 10
