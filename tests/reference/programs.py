"""Random whole programs of the executed language, as trees, with the configs, plants and numerics they run with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from quaymaster._core.config.model import Config, PortRef
from quaymaster._core.engine.latencies import PROFILES
from quaymaster._core.program import tree

from .building import assign, binary, cell, declare, integer, program
from .configs import DIGITAL_PORTS, FINE_OUTPUT, ConfigFacts, ConfigKind, ElementFacts, configs
from .engine import Numerics
from .plants import Plant
from .text import of_program

INTS = ("i1", "i2")
FIXEDS = ("f1", "f2")
BOOLS = ("b1",)
SEEDS = ("seed1", "seed2")
MEASURED = ("m1", "m2")
COUNTERS = tuple(f"k{n}" for n in range(1, 7))
ARRAYS: dict[str, tree.VarType] = {"ai": "int", "af": "fixed", "ab": "bool", "aj": "int"}
MEASURED_ARRAY = "am"
SLICES_OF_1, SLICES_OF_2 = "as1", "as2"
TAGS, COUNT = "at", "nt"
DIGITAL, DIGITAL_TAGS, PULSES = "time_tagging.digital", "ad", "nd"
TIME_TAG = "tt"
SLICED = [f"{of}.{kind}" for of in ("demod", "integration") for kind in ("sliced", "accumulated", "moving_window")]
STREAMS = {"int": "ints", "fixed": "fixeds", "bool": "bools"}
INT_LITERALS = [0, 1, 2, 3, 4, -1, 7, 12, 31, 32, 1000, 2**31 - 1, -(2**31)]
FIXED_LITERALS = [0, 2**28, -(2**27), 2**26 + 12345, 2047, 3, -(2**31), 2**31 - 1, 5 * 2**28 + 1]
AMPLITUDES = [2**28, -(2**27), 2**26 + 12345, 0, 2**29 - 1, -(2**29), 2**28 + 2**11 - 1]
CASTS: dict[str, list[str]] = {
    "int": ["cast.to_int", "cast.unsafe_cast_int"],
    "fixed": ["cast.to_fixed", "cast.unsafe_cast_fixed"],
    "bool": ["cast.to_bool", "cast.unsafe_cast_bool"],
}
OF_ARRAYS = {"math.sum", "math.max", "math.min", "math.argmax", "math.argmin", "math.dot"}
OF_TWO = {"math.log", "math.pow", "math.atan2", "math.atan2_2pi", "math.plrelu"}
FREE = {"math.msb", "math.argmax", "math.argmin"}
"""Functions that give an int, whatever number they take."""
OF_ANY = {"math.abs", "math.relu", "math.sum", "math.max", "math.min", "math.dot"}
PLAIN = {name for name in get_args(tree.Function) if name.startswith(("cast.", "random."))}
LIBRARY: dict[str, list[str]] = {
    "int": sorted(FREE | OF_ANY | {"util.cond"}),
    "fixed": sorted(set(get_args(tree.Function)) - PLAIN - FREE),
    "bool": ["util.cond"],
}
TYPES: list[tree.VarType] = ["int", "fixed", "bool"]


@dataclass(frozen=True)
class Kind:
    """What sort of cases are drawn.

    ``feedback``: measured values may be read anywhere, not only saved. ``classical``: mostly arithmetic. ``overlap``:
    mostly measures with long windows. ``loud``: amplitudes that reach the converter's range.
    ``one_length``: equal windows, whole integrals, plain plays, as a judge of the kernels alone takes them.
    ``library``: calls are mostly of library functions.
    ``outside``: IO registers, input streams, pauses and triggers too.
    ``photons``: some plants have light.
    ``edges``: waits at digital inputs too, some for ever.
    """

    numerics: Numerics = "linear"
    plants: tuple[str, ...] = ("echo", "loopback", "none")
    sigmas: tuple[float, ...] = (0.0,)
    feedback: bool = False
    classical: bool = False
    traces: bool = True
    loud: bool = False
    overlap: bool = False
    one_length: bool = False
    library: bool = False
    outside: bool = False
    photons: bool = False
    edges: bool = False
    statements_max: int = 60
    measures_max: int = 9


@dataclass(frozen=True)
class Case:
    """One job for both engines."""

    program: tree.Program
    facts: ConfigFacts
    plant: Plant
    numerics: Numerics
    seed: int
    hand: int = 0
    """The seed of what reaches the job from outside, and when."""
    latency: str = "ideal"

    @property
    def config(self) -> Config:
        """The checked config."""
        return self.facts.config

    def __repr__(self) -> str:
        described = "\n".join(f"{name}: {part}" for name, part in self.facts.raw.items())
        settings = f"{self.plant} {self.numerics} {self.latency} seed {self.seed} hand {self.hand}"
        return f"\n{of_program(self.program)}\n{described}\n{settings}\n"


class Maker:
    """Draws statements and expressions; ``statements`` and ``measures`` count what may still be executed."""

    def __init__(self, draw: st.DrawFn, facts: ConfigFacts, kind: Kind) -> None:
        self.draw = draw
        self.facts = facts
        self.kind = kind
        self.statements = kind.statements_max
        self.measures = kind.measures_max
        self.counters = list(COUNTERS)
        self.fixeds = [*FIXEDS, *MEASURED] if kind.feedback else [*FIXEDS]
        self.ints = [*INTS, COUNT, PULSES, TIME_TAG] if kind.feedback else [*INTS]
        self.arrays = {**ARRAYS, MEASURED_ARRAY: "fixed", TAGS: "int", DIGITAL_TAGS: "int"} if kind.feedback else ARRAYS
        if kind.outside:
            self.arrays = {**self.arrays, INPUT_ARRAY: "fixed"}

    def pick(self, options: list[str] | tuple[str, ...]) -> str:
        """One of the options; the first is the simplest."""
        return self.draw(st.sampled_from(options))

    def chance(self, one_in: int) -> bool:
        """True once in so many times; the simple outcome is False."""
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    # ------------------------------------------------------------ expressions

    def expression(self, type_: tree.VarType, depth: int = 2) -> tree.Expression:
        """Any expression of a type."""
        forms = (
            ["literal", "variable"]
            if depth == 0
            else ["literal", "variable", "variable", "cell", "binary", "binary", "call"]
        )
        forms += ["io"] if self.kind.outside else []
        match self.pick(forms):
            case "literal":
                return self.literal(type_)
            case "variable":
                return tree.Variable(type=type_, name=self.pick(self.names(type_)))
            case "cell":
                return self.cell(type_, depth)
            case "io":
                return self.io(type_)
            case "binary":
                return self.binary(type_, depth - 1)
        return self.call(type_, depth - 1)

    def names(self, type_: tree.VarType) -> list[str]:
        """Variables of a type that expressions may read."""
        taken = {of: [name] for name, of in INPUTS.items()} if self.kind.outside else {}
        known = {"int": [*self.ints, *COUNTERS[:2], *SEEDS], "fixed": self.fixeds, "bool": [*BOOLS]}[type_]
        return known + taken.get(type_, [])

    def io(self, type_: tree.VarType) -> tree.Io:
        """An IO register."""
        return tree.Io(type=type_, number=self.draw(st.sampled_from([1, 2])))

    def literal(self, type_: tree.VarType) -> tree.Value:
        """A literal."""
        raws = {"int": INT_LITERALS, "fixed": FIXED_LITERALS, "bool": [0, 1]}[type_]
        return tree.Value(type=type_, raw=self.draw(st.sampled_from(raws)))

    def cell(self, type_: tree.VarType, depth: int = 1) -> tree.Cell:
        """A cell, now and then outside its array."""
        array = self.pick([name for name, of in self.arrays.items() if of == type_])
        return tree.Cell(type=type_, array=array, index=self.small(3, depth - 1))

    def small(self, mask: int, depth: int = 1) -> tree.Expression:
        """An int expression that is rarely more than ``mask``: a literal, or something & mask."""
        if self.draw(st.booleans()) and depth >= 0:
            inner = self.expression("int", depth)
            if mask < 8 and self.chance(8):
                return inner
            return tree.Binary(type="int", operator="&", left=inner, right=tree.Value(type="int", raw=mask))
        return tree.Value(type="int", raw=self.draw(st.integers(0, mask)))

    def binary(self, type_: tree.VarType, depth: int) -> tree.Binary:
        """An operator with its two sides."""
        if type_ == "bool":
            sides = self.draw(st.sampled_from(TYPES))
            operators = ["==", "&", "|", "^"] if sides == "bool" else ["<", ">", "<=", ">=", "=="]
        else:
            sides = type_
            operators = ["+", "-", "*", "/", "&", "|", "^", "<<", ">>"]
        operator = self.pick(operators)
        if operator == "/" and self.chance(2):
            sides = "int"  # of a fixed: the fixed quotient of two ints
        right: tree.VarType = "int" if operator in ("<<", ">>") else sides
        return tree.Binary(
            type=type_,
            operator=operator,  # type: ignore[arg-type]
            left=self.expression(sides, depth),
            right=self.small(31, depth)
            if operator in ("<<", ">>") and self.chance(2)
            else self.expression(right, depth),
        )

    def call(self, type_: tree.VarType, depth: int) -> tree.Call:
        """A cast, a mixed product or a random number."""
        names = [*CASTS[type_]]
        if type_ == "fixed":
            names += ["cast.mul_fixed_by_int", "random.rand_fixed"]
        if type_ == "int":
            names += ["cast.mul_int_by_fixed", "random.rand_int"]
        known = LIBRARY[type_]
        choices = names + known if self.chance(2) else names
        name = self.pick(known if known and self.kind.library and self.chance(2) else choices)
        arguments = self.arguments(name, depth) if name in PLAIN else self.library_arguments(name, type_, depth)
        return tree.Call(type=type_, function=name, arguments=arguments)  # type: ignore[arg-type]

    def library_arguments(self, name: str, type_: tree.VarType, depth: int) -> tuple[tree.Expression, ...]:
        """The arguments of a function of the library that gives ``type_``."""
        if name == "util.cond":
            return self.expression("bool", depth), self.expression(type_, depth), self.expression(type_, depth)
        takes: tree.VarType = self.draw(st.sampled_from(TYPES[:2])) if name in FREE else type_
        if name in OF_ARRAYS:
            array = self.pick([array for array, of in self.arrays.items() if of == takes])
            whole = tree.Whole(type=takes, array=array)
            return (whole, self.beside(whole)) if name == "math.dot" else (whole,)
        return tuple(self.expression(takes, depth) for _ in range(2 if name in OF_TWO else 1))

    def beside(self, whole: tree.Whole) -> tree.Whole:
        """The other array of a dot product: the same, or beside a fixed one now and then an int one of its length."""
        if whole.type == "fixed" and SIZES[whole.array] == SIZES["aj"] and self.chance(2):
            return tree.Whole(type="int", array="aj")
        return whole

    def arguments(self, name: str, depth: int) -> tuple[tree.Expression, ...]:
        """The arguments of a function."""
        if name.startswith("random."):
            seed = tree.Variable(type="int", name=self.pick(SEEDS))
            return (seed,) if name == "random.rand_fixed" else (seed, self.expression("int", depth))
        if name == "cast.mul_fixed_by_int":
            return self.expression("fixed", depth), self.expression("int", depth)
        if name == "cast.mul_int_by_fixed":
            return self.expression("int", depth), self.expression("fixed", depth)
        return (self.expression(self.draw(st.sampled_from(TYPES)), depth),)

    def amplitude(self, element: ElementFacts) -> tuple[tree.Expression, ...]:
        """None, one, or for IQ elements four values."""
        count = self.draw(st.sampled_from([0, 1, 4] if element.iq else [0, 1]))
        return tuple(self.amplitude_value() for _ in range(count))

    def amplitude_value(self) -> tree.Expression:
        """A literal, or an expression of any size."""
        if self.chance(3):
            return self.expression("fixed", 1)
        return tree.Value(type="fixed", raw=self.draw(st.sampled_from(AMPLITUDES)))

    # ------------------------------------------------------------ statements

    def body(self, trips: int, depth: int) -> tuple[tree.Statement, ...]:
        """Some statements that are executed ``trips`` times."""
        statements: list[tree.Statement] = []
        while self.statements >= trips and len(statements) < 10 and self.draw(st.integers(0, 11)):
            self.statements -= trips
            statements += self.statement(trips, depth)
        return tuple(statements)

    def statement(self, trips: int, depth: int) -> list[tree.Statement]:
        """One statement, or a few that belong together."""
        kinds = ["play", "save", "assign", "wait", "align", "frame", "strict"]
        if any(element.sticky for element in self.facts.elements):
            kinds.append("down")
        if any(element.arrays for element in self.facts.elements):
            kinds.append("load")
        if self.measures >= trips:
            kinds += ["measure", "measure", "measure"]
            if self.kind.overlap:
                kinds += ["measure"] * 6
        if self.kind.classical:
            kinds += ["assign", "assign", "save", "save"]
        if self.kind.outside:
            kinds += ["advance", "advance", "trigger", "pause"]
        if self.kind.edges and any(element.digital for element in self.facts.elements):
            kinds += ["edge"] * 3
        if depth > 0:
            kinds += ["if", "for", "while", "for_each"]
        kind = self.pick(kinds)
        simple = {
            "play": self.play,
            "save": self.save,
            "assign": self.assign,
            "wait": self.wait,
            "align": self.align,
            "frame": self.frame,
            "down": self.down,
            "load": self.load,
            "advance": self.advance,
            "trigger": self.trigger,
            "pause": lambda: tree.Pause(at=-1),
        }
        if kind in simple:
            return [simple[kind]()]
        if kind == "edge":
            return self.edge()
        if kind == "measure":
            self.measures -= trips
            return self.measure_and_save()
        block = {
            "strict": self.strict,
            "if": self.choose,
            "for": self.loop,
            "while": self.repeat,
            "for_each": self.walk,
        }
        return block[kind](trips, depth - (kind != "strict"))

    def element(self) -> ElementFacts:
        """Any element."""
        return self.draw(st.sampled_from(self.facts.elements))

    def names_of_elements(self) -> tuple[str, ...]:
        """Some elements, or none, which means all."""
        names = [element.name for element in self.facts.elements]
        return tuple(self.draw(st.lists(st.sampled_from(names), max_size=3, unique=True)))

    def duration(self, mask: int) -> tree.Expression:
        """Cycles; a literal below 4 would be refused, an expression counts as 4 there."""
        cycles = self.small(mask)
        return integer(max(cycles.raw, 4)) if isinstance(cycles, tree.Value) else cycles

    def play(self) -> tree.Statement:
        """A play, perhaps stretched."""
        element = self.element()
        operation = self.pick(element.plays)
        duration = self.duration(15) if not element.fine and self.chance(3) else None
        amplitude = self.amplitude(element)
        plain = tree.Play(
            at=-1,
            operation=operation,
            element=element.name,
            amplitude=amplitude,
            duration=duration,
            timestamp_stream=self.stamps(),
            target=self.pick(element.inputs) if element.chooses else "",
        )
        return msgspec.structs.replace(plain, **self.options(element))

    def options(self, element: ElementFacts) -> dict[str, Any]:
        """Now and then one of the ways to play (section 13)."""
        ways = ["truncate", "condition"]
        ways += ["chirp", "chirp"] if element.modulated and not element.fine else []
        ways += [] if element.iq else ["ramp"]
        if self.kind.one_length or not self.chance(3):
            return {"continues": element.modulated and not self.kind.one_length and self.chance(6)}
        match self.pick(ways):
            case "truncate":
                return {"truncate": self.duration(15)}
            case "condition":
                return {"condition": self.expression("bool", 1)}
            case "chirp":
                rates = tuple(self.expression("int", 1) for _ in range(self.draw(st.integers(1, 3))))
                chirp = tree.Chirp(rates=rates, units=self.draw(st.sampled_from(["Hz", "mHz", "pHz"])))
                return {"chirp": chirp, "continues": self.chance(2)}
        slope = tree.Value(type="fixed", raw=self.draw(st.sampled_from([2**18, -(2**16) + 1])))
        return {"operation": "", "amplitude": (), "ramp": slope, "duration": self.duration(15)}

    def measure(self) -> tree.Measure:
        """A measure with up to three processes."""
        element = self.draw(st.sampled_from([e for e in self.facts.elements if e.measures]))
        operation = self.pick(element.measures)
        processes: tuple[tree.Process | tree.Tagging | tree.Counting, ...] = tuple(
            self.process(element) for _ in range(self.draw(st.sampled_from([1, 2, 0, 3])))
        )
        if element.tags and not self.kind.one_length and self.chance(2):
            processes = (*processes, *(self.tagging(element, operation) for _ in range(1 + self.chance(3))))
        if element.digital and self.chance(2):
            processes = (*processes, *(self.pulses(element, operation) for _ in range(1 + self.chance(2))))
        streams = [f"adc_{element.name}", f"adc2_{element.name}"]
        stream = self.pick(streams) if self.kind.traces and self.chance(5) else None
        return tree.Measure(
            at=-1,
            operation=operation,
            element=element.name,
            amplitude=self.amplitude(element),
            stream=stream,
            processes=processes,
            timestamp_stream=self.stamps(),
        )

    def stamps(self) -> str | None:
        """Now and then a stream for the start: one of its own, or one that other things are saved to."""
        return self.pick(["starts", STREAMS["int"]]) if self.chance(6) else None

    def measure_and_save(self) -> list[tree.Statement]:
        """A measure, and now and then saves of what it measured."""
        measure = self.measure()
        if self.chance(2):
            return [measure]
        targets = [process.target for process in measure.processes if not isinstance(process.target, tree.Whole)]
        return [measure, *(tree.Save(at=-1, source=target, stream=STREAMS[target.type]) for target in targets)]

    def process(self, element: ElementFacts) -> tree.Process:
        """An integral, or two."""
        kinds = ["demod.full", "integration.full"]
        if len(element.outputs) > 1:
            kinds += ["dual_demod.full", "dual_integration.full"]
        if not self.kind.one_length:
            kinds += SLICED
        kind = self.pick(kinds)
        if kind in SLICED:
            if cuts := self.cuts(element):
                return self.slices(kind, element, *self.draw(st.sampled_from(cuts)))
            kind = f"{kind.split('.')[0]}.full"
        count = 2 if kind.startswith("dual_") else 1
        return tree.Process(
            at=-1,
            kind=kind,  # type: ignore[arg-type]
            weights=self.pair_of_weights(element) if count == 2 else (self.pick(element.aliases),),
            outputs=element.outputs if count == 2 else (self.pick(element.outputs),),
            target=self.measured(),
        )

    def tagging(self, element: ElementFacts, operation: str) -> tree.Tagging:
        """Time tags, with or without their count."""
        length = self.facts.pulse_length(element.name, operation)
        return tree.Tagging(
            at=-1,
            kind=self.draw(st.sampled_from([kind for kind in get_args(tree.TaggingKind) if kind != DIGITAL])),
            output=self.pick(element.outputs),
            target=tree.Whole(type="int", array=TAGS),
            max_time=length + self.draw(st.sampled_from([0, 1, 40, 150])),
            count=tree.Variable(type="int", name=COUNT) if self.draw(st.booleans()) else None,
        )

    def pulses(self, element: ElementFacts, operation: str) -> tree.Tagging | tree.Counting:
        """Time tags of a digital input, or the number of pulses at one or two."""
        length = self.facts.pulse_length(element.name, operation)
        max_time = length + self.draw(st.sampled_from([0, 1, 40, 150, 400]))
        count = tree.Variable(type="int", name=self.pick([COUNT, PULSES]))
        if self.draw(st.booleans()):
            outputs = tuple(self.draw(st.permutations(element.digital)))[: self.draw(st.integers(1, 2))]
            return tree.Counting(at=-1, kind="counting.digital", outputs=outputs, max_time=max_time, target=count)
        return tree.Tagging(
            at=-1,
            kind="time_tagging.digital",
            output=self.pick(element.digital),
            target=tree.Whole(type="int", array=self.pick([TAGS, DIGITAL_TAGS])),
            max_time=max_time,
            count=count if self.draw(st.booleans()) else None,
        )

    def cuts(self, element: ElementFacts) -> list[tuple[str, str]]:
        """Weights, and arrays that have as many cells as they can be cut for; weights that change not too fine."""
        return [
            (alias, array)
            for alias in element.aliases
            for array in (SLICES_OF_1, SLICES_OF_2, MEASURED_ARRAY)
            if self.facts.weights_length(alias) % (4 * SIZES[array]) == 0
            if self.facts.steady(alias) or self.facts.weights_length(alias) >= 28 * SIZES[array]
        ]

    def slices(self, kind: str, element: ElementFacts, alias: str, array: str) -> tree.Process:
        """An integral by slices."""
        return tree.Process(
            at=-1,
            kind=kind,  # type: ignore[arg-type]
            weights=(alias,),
            outputs=(self.pick(element.outputs),),
            target=tree.Whole(type="fixed", array=array),
            chunk=self.facts.weights_length(alias) // (4 * SIZES[array]),
            window=self.draw(st.integers(1, SIZES[array])) if kind.endswith("moving_window") else 0,
        )

    def pair_of_weights(self, element: ElementFacts) -> tuple[str, str]:
        """Two weights of one length: the first and the last are."""
        first, *_, last = element.aliases
        return self.pick([first, last]), self.pick([first, last])

    def measured(self) -> tree.Target:
        """A target of a process."""
        if self.chance(3):
            return tree.Cell(type="fixed", array=MEASURED_ARRAY, index=self.small(3))
        return tree.Variable(type="fixed", name=self.pick(MEASURED))

    def wait(self) -> tree.Statement:
        """A wait of one, some or all elements."""
        duration = integer(250_000_003) if self.chance(12) else self.duration(31)
        return tree.Wait(at=-1, duration=duration, elements=self.names_of_elements())

    def align(self) -> tree.Statement:
        """An align of some or all elements."""
        return tree.Align(at=-1, elements=self.names_of_elements())

    def frame(self) -> tree.Statement:
        """Something done to an oscillator or a frame."""
        modulated = [element.name for element in self.facts.elements if element.modulated]
        if not modulated:
            return self.align()
        element = self.pick(modulated)
        ways = ["rotate", "frequency", "frequency", "reset", "reset_frame", "global", "correct", "offset", "offset"]
        match self.pick(ways):
            case "rotate":
                return tree.FrameRotation(at=-1, element=element, turns=self.expression("fixed", 1))
            case "reset":
                return tree.ResetIfPhase(at=-1, element=element)
            case "reset_frame":
                return tree.ResetFrame(at=-1, element=element)
            case "global":
                return tree.ResetGlobalPhase(at=-1)
            case "correct" if not self.kind.one_length:
                return self.correct()
            case "offset":
                return self.offset()
        return self.update_frequency(element)

    def correct(self) -> tree.Statement:
        """A new correction of an element with a mixer, if there is one."""
        mixed = [element.name for element in self.facts.elements if element.kind == "iq"]
        if not mixed:
            return self.align()
        c00, c01, c10, c11 = (self.amplitude_value() for _ in range(4))
        return tree.UpdateCorrection(at=-1, element=self.pick(mixed), correction=(c00, c01, c10, c11))

    def offset(self) -> tree.Statement:
        """A new offset."""
        element = self.draw(st.sampled_from([element for element in self.facts.elements if element.inputs]))
        which = self.pick(element.inputs)
        offset = self.expression("fixed", 1)
        if isinstance(offset, tree.Value):  # a literal beyond the range of its port is an error of the program
            offset = tree.Value(type="fixed", raw=offset.raw % 2**27 - 2**26)
        return tree.SetDcOffset(at=-1, element=element.name, input=which, offset=offset)

    def load(self) -> tree.Statement:
        """load_waveform, now and then of a number that the array does not have."""
        element = self.draw(st.sampled_from([element for element in self.facts.elements if element.arrays]))
        return tree.LoadWaveform(at=-1, operation=self.pick(element.arrays), index=self.small(3), element=element.name)

    def down(self) -> tree.Statement:
        """ramp_to_zero of a sticky element."""
        element = self.pick([element.name for element in self.facts.elements if element.sticky])
        return tree.RampToZero(at=-1, element=element, duration=self.draw(st.sampled_from([None, 4, 7, 30])))

    def advance(self) -> tree.Statement:
        """The next item of an input stream."""
        return tree.AdvanceInput(at=-1, variable=self.pick([*INPUTS, INPUT_ARRAY]))

    def trigger(self) -> tree.Statement:
        """wait_for_trigger, in silence or not."""
        element = self.element()
        operation = "" if element.chooses else self.pick(["", "hum"])
        return tree.WaitForTrigger(at=-1, element=element.name, operation=operation)

    def edge(self) -> list[tree.Statement]:
        """A wait at a digital input, mostly behind an align and beside a play that may send it something."""
        source = self.draw(st.sampled_from([element for element in self.facts.elements if element.digital]))
        output = source.digital[0] if self.draw(st.booleans()) else self.pick(source.digital)
        waiting = self.element()
        senders = [sender for sender in self.facts.senders(source.name, output) if self.apart(sender[0], waiting.name)]
        waits = tree.WaitForTrigger(
            at=-1,
            element=waiting.name,
            operation="" if waiting.chooses else self.pick(["", "hum", "beep"]),
            source=tree.TriggerSource(element=source.name, output=output),
            tag=tree.Variable(type="int", name=TIME_TAG) if self.draw(st.booleans()) else None,
        )
        if self.chance(20):
            return [*(self.play() for _ in range(self.draw(st.integers(0, 2)))), waits]
        if not senders:
            return []
        name, operation, target = self.draw(st.sampled_from(senders))
        plays = tree.Play(at=-1, operation=operation, element=name, target=target)
        pauses = tree.Wait(at=-1, duration=self.duration(31), elements=(name,))
        saves = tree.Save(at=-1, source=tree.Variable(type="int", name=TIME_TAG), stream="time_tags")
        return [tree.Align(at=-1), *([pauses] if self.draw(st.booleans()) else []), plays, waits, saves]

    def apart(self, name: str, other: str) -> bool:
        """Whether two elements have threads of their own."""
        first, second = (self.facts.config.elements[each].core or f"element {each}" for each in (name, other))
        return first != second

    def update_frequency(self, element: str) -> tree.Statement:
        """A new frequency in any units; in Hz some are beyond the range of ports, which no literal may be."""
        units = self.draw(st.sampled_from(["Hz", "Hz", "Hz", "mHz", "uHz", "nHz", "pHz"]))
        frequency: tree.Expression
        if self.chance(3):
            frequency = self.expression("int", 1)
        else:
            frequency = tree.Value(type="int", raw=self.draw(st.sampled_from([10**7, -12345678, 0, 499_999_999])))
        refused = isinstance(frequency, tree.Value) and abs(frequency.raw) > 500_000_000
        if units == "Hz" and (refused or self.chance(3)):
            frequency = binary(tree.Variable(type="int", name=self.pick(INTS)), "+", 1_500_000_000)
        keep = self.draw(st.booleans())
        return tree.UpdateFrequency(at=-1, element=element, frequency=frequency, units=units, keep_phase=keep)

    def assign(self) -> tree.Statement:
        """An assign to a variable or a cell, with its types in order."""
        type_ = self.draw(st.sampled_from(TYPES))
        target: tree.Target | tree.Io
        if self.kind.outside and self.chance(4):
            target = self.io(type_)
        elif self.chance(4):
            target = self.cell(type_)
        else:
            names = {"int": [*self.ints, SEEDS[0]], "fixed": self.fixeds, "bool": [*BOOLS]}[type_]
            target = tree.Variable(type=type_, name=self.pick(names))
        value_type = self.draw(st.sampled_from(TYPES)) if type_ == "bool" else type_
        return tree.Assign(at=-1, target=target, value=self.expression(value_type, 3 if self.kind.classical else 2))

    def save(self) -> tree.Statement:
        """A save of anything that can be saved, measured values above all."""
        if self.draw(st.booleans()):
            source: tree.Value | tree.Target = self.measured()
            return tree.Save(at=-1, source=source, stream=STREAMS["fixed"])
        type_ = self.draw(st.sampled_from(TYPES))
        match self.pick(["variable", "cell", "literal"]):
            case "variable":
                source = tree.Variable(type=type_, name=self.pick(self.names(type_)))
            case "cell":
                source = self.cell(type_)
            case _:
                source = self.literal(type_)
        return tree.Save(at=-1, source=source, stream=STREAMS[type_])

    def strict(self, trips: int, depth: int) -> list[tree.Statement]:
        """strict_timing."""
        return [tree.StrictTiming(at=-1, body=self.body(trips, depth))]

    def choose(self, trips: int, depth: int) -> list[tree.Statement]:
        """A chain of if and elif with or without else."""
        branches = tuple(
            tree.Branch(at=-1, condition=self.expression("bool"), body=self.body(trips, depth))
            for _ in range(self.draw(st.integers(1, 3)))
        )
        otherwise = self.body(trips, depth) if self.draw(st.booleans()) else ()
        return [tree.If(at=-1, branches=branches, otherwise=otherwise)]

    def loop(self, trips: int, depth: int) -> list[tree.Statement]:
        """A for loop of at most three trips."""
        if not self.counters:
            return []
        counter = tree.Variable(type="int", name=self.counters.pop(0))
        count = self.draw(st.integers(1, 3))
        condition: tree.Expression = binary(counter, "<", count)
        if self.chance(4):
            condition = tree.Binary(type="bool", operator="&", left=condition, right=self.expression("bool", 1))
        step = assign(counter, binary(counter, "+", self.draw(st.integers(1, 2))))
        body = self.body(trips * count, depth)
        return [tree.For(at=-1, body=body, start=assign(counter, 0), condition=condition, step=step)]

    def repeat(self, trips: int, depth: int) -> list[tree.Statement]:
        """A while loop with a counter of its own, so that it ends."""
        if not self.counters:
            return []
        counter = tree.Variable(type="int", name=self.counters.pop(0))
        count = self.draw(st.integers(1, 3))
        condition: tree.Expression = binary(counter, "<", count)
        if self.chance(3):
            extra = self.expression("bool", 1)
            condition = tree.Binary(type="bool", operator="&", left=condition, right=extra)
        body = (*self.body(trips * count, depth), assign(counter, binary(counter, "+", 1)))
        return [assign(counter, 0), tree.For(at=-1, body=body, condition=condition)]

    def walk(self, trips: int, depth: int) -> list[tree.Statement]:
        """for_each over one or two arrays."""
        pairs = self.draw(
            st.sampled_from(
                [
                    (("i1", "int", "ai"),),
                    (("f1", "fixed", "af"),),
                    (("b1", "bool", "ab"), ("i2", "int", "ai")),
                    (("f2", "fixed", "af"), ("f1", "fixed", MEASURED_ARRAY if self.kind.feedback else "af")),
                ]
            )
        )
        variables = tuple(tree.Variable(type=type_, name=name) for name, type_, _ in pairs)  # type: ignore[arg-type]
        arrays = tuple(array for _, _, array in pairs)
        body = self.body(trips * SIZES[arrays[0]], depth)
        return [tree.ForEach(at=-1, variables=variables, arrays=arrays, body=body)]


def saves_of_all() -> tuple[tree.Statement, ...]:
    """Saves of every variable and cell, for the end of a program."""
    scalars = {"int": [*INTS, *SEEDS, COUNT, PULSES, TIME_TAG], "fixed": [*FIXEDS, *MEASURED], "bool": [*BOOLS]}
    sources: list[tree.Target] = [
        tree.Variable(type=type_, name=name)
        for type_, names in scalars.items()
        for name in names  # type: ignore[arg-type]
    ]
    measured = {**dict.fromkeys((MEASURED_ARRAY, SLICES_OF_1, SLICES_OF_2), "fixed"), TAGS: "int", DIGITAL_TAGS: "int"}
    for array, type_ in {**ARRAYS, **measured}.items():
        sources += [cell(array, index, type_) for index in range(SIZES[array])]  # type: ignore[arg-type]
    return tuple(tree.Save(at=-1, source=source, stream=f"end_{end_stream(source)}") for source in sources)


def end_stream(source: tree.Target) -> str:
    """Tags have streams of their own, so that who counts what was measured finds them."""
    streams = {TAGS: "tags", DIGITAL_TAGS: "digital_tags"}
    if isinstance(source, tree.Variable):
        return "time_tags" if source.name == TIME_TAG else source.type
    return streams.get(source.array, source.type)


INPUTS: dict[str, tree.VarType] = {"in_i": "int", "in_b": "bool"}
INPUT_ARRAY = "in_f"
SIZES = {
    "ai": 2,
    "af": 3,
    "ab": 2,
    "aj": 3,
    MEASURED_ARRAY: 3,
    SLICES_OF_1: 1,
    SLICES_OF_2: 2,
    INPUT_ARRAY: 2,
    TAGS: 2,
    DIGITAL_TAGS: 4,
}


def declarations() -> tuple[tree.Declaration, ...]:
    """All variables that a random program may use."""
    return (
        declare("i1", "int", 5),
        declare("i2", "int", -3),
        declare("f1", "fixed", 2**27),
        declare("f2", "fixed", -(2**28) - 7),
        declare("b1", "bool", 1),
        declare("seed1", "int", 12345),
        declare("seed2", "int", -1),
        *(declare(name) for name in MEASURED),
        *(declare(name, "int") for name in (*COUNTERS, COUNT, PULSES, TIME_TAG)),
        declare("ai", "int", 2, -9, size=2),
        declare("af", "fixed", 2**28, 2**25, -(2**27), size=3),
        declare("ab", "bool", 1, 0, size=2),
        declare("aj", "int", 3, -5, 2**20 + 1, size=3),
        declare(TAGS, "int", 7, -7, size=SIZES[TAGS]),
        declare(DIGITAL_TAGS, "int", 3, 1, -1, 0, size=SIZES[DIGITAL_TAGS]),
        *(declare(array, "fixed", size=SIZES[array]) for array in (MEASURED_ARRAY, SLICES_OF_1, SLICES_OF_2)),
    )


def inputs() -> tuple[tree.Declaration, ...]:
    """The variables that take items of input streams."""
    array = declare(INPUT_ARRAY, "fixed", 2**27, -5, size=SIZES[INPUT_ARRAY])
    taken = [*(declare(name, type_, 1) for name, type_ in INPUTS.items()), array]
    return tuple(msgspec.structs.replace(item, input=f"stream {item.name}") for item in taken)


@st.composite
def plants(draw: st.DrawFn, kind: Kind, config: Config) -> Plant:
    """What hangs behind the ports."""
    which = draw(st.sampled_from([plant for plant in kind.plants if plant != "none"] if kind.edges else kind.plants))
    sigma = draw(st.sampled_from(kind.sigmas))
    light = None
    if kind.photons and draw(st.integers(0, 5)) == 5:
        light = (
            draw(st.sampled_from([2e6, 3e7, 1e8])),
            draw(st.sampled_from([0.2, -0.03])),
            draw(st.sampled_from([1, 8, 256])),
        )
    if which != "loopback":
        return Plant(which, sigma, light=light)  # type: ignore[arg-type]
    fems = config.controllers["con1"].fems
    modules = [(name, fem) for name in config.controllers for fem in fems]
    outputs = [PortRef(*at, n) for at in modules for n in ((1, 2, 3, 4, 5) if at[1] == 1 else (1, 8))]
    outputs += [PortRef("con1", 1, FINE_OUTPUT)] * 3 * (len(fems) > 1)
    inputs = [PortRef(*at, n) for at in modules for n in (1, 2)]
    pairs = st.tuples(st.sampled_from(outputs), st.sampled_from(inputs))
    wires = draw(st.lists(pairs, min_size=1, max_size=8 if len(fems) > 1 else 4, unique=True))
    ends = st.sampled_from([PortRef(*at, n) for at in modules for n in DIGITAL_PORTS])
    digital = draw(st.lists(st.tuples(ends, ends), max_size=4, unique=True)) if draw(st.booleans()) else []
    latency = draw(st.sampled_from([0, 24, 41]))
    return Plant("loopback", sigma, tuple(wires), latency, light=light, digital_wires=tuple(digital))


@st.composite
def cases(draw: st.DrawFn, kind: Kind) -> Case:
    """A whole job."""
    facts = draw(
        configs(ConfigKind(kind.loud, kind.overlap, kind.one_length, kind.edges, holds=kind.outside or kind.one_length))
    )
    maker = Maker(draw, facts, kind)
    body = maker.body(1, 2)
    whole = program(*body, *saves_of_all(), declarations=declarations() + (inputs() if kind.outside else ()))
    seed = draw(st.sampled_from([0, 1, 2**64 - 1, 0x123456789ABCDEF]))
    plant, hand = draw(plants(kind, facts.config)), draw(st.integers(0, 2**32)) if kind.outside else 0
    if kind.outside:
        plant = replace(plant, trigger_period_ns=draw(st.sampled_from([0, 0, 52, 1000])))
    return Case(whole, facts, plant, kind.numerics, seed, hand, draw(st.sampled_from(sorted(PROFILES))))
