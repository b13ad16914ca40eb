"""What a tree must be: each rule broken once, with the words and the place it is blamed at."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from example_trees import BOOL, DECLARATIONS, FIXED, INT, SOURCES, STREAMS, program, value

from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import limits, tree
from quaymaster._core.program.check import ISSUES_MAX, ProgramIssue, check_program, raise_issues


def binary(type: tree.VarType, left: Any, operator: Any, right: Any) -> tree.Binary:
    """A binary operation."""
    return tree.Binary(type=type, operator=operator, left=left, right=right)


def assign(target: Any, assigned: Any) -> tree.Assign:
    """An assignment at the second place."""
    return tree.Assign(at=1, target=target, value=assigned)


def call(type: Any, function: Any, *arguments: Any) -> tree.Call:
    """A call."""
    return tree.Call(type=type, function=function, arguments=arguments)


def process(**fields: Any) -> tree.Process:
    """demod.full into v2, unless ``fields`` say otherwise."""
    parts: dict[str, Any] = {"kind": "demod.full", "weights": ("w",), "outputs": ("",), "target": FIXED}
    return tree.Process(at=1, **(parts | fields))


def loop(**fields: Any) -> tree.For:
    """A for loop, unless ``fields`` say otherwise."""
    start, step = assign(INT, value("int", 0)), assign(INT, binary("int", INT, "+", value("int", 1)))
    parts: dict[str, Any] = {"start": start, "step": step, "condition": binary("bool", INT, "<", value("int", 3))}
    return tree.For(at=1, **({"body": ()} | parts | fields))


def play(**fields: Any) -> tree.Play:
    """A play, unless ``fields`` say otherwise."""
    return tree.Play(at=1, **({"operation": "x", "element": "q"} | fields))


def measure(**fields: Any) -> tree.Measure:
    """A measure, unless ``fields`` say otherwise."""
    return tree.Measure(at=1, **({"operation": "x", "element": "q"} | fields))


def tagging(**fields: Any) -> tree.Measure:
    """A measure that tags into a1, unless ``fields`` say otherwise."""
    parts = {"kind": "time_tagging.analog", "output": "", "target": INTS, "max_time": 100}
    return measure(processes=(tree.Tagging(at=1, **(parts | fields)),))


def counting(**fields: Any) -> tree.Measure:
    """A measure that counts into v1, unless ``fields`` say otherwise."""
    parts = {"kind": "counting.digital", "outputs": ("",), "max_time": 100, "target": INT}
    return measure(processes=(tree.Counting(at=1, **(parts | fields)),))


def each(**fields: Any) -> tree.ForEach:
    """v1 over a1, unless ``fields`` say otherwise."""
    return tree.ForEach(at=1, **({"variables": (INT,), "arrays": ("a1",), "body": ()} | fields))


def whole(array: str, type: Any) -> tree.Whole:
    """A whole array."""
    return tree.Whole(type=type, array=array)


INTS, FIXEDS = whole("a1", "int"), whole("a2", "fixed")


def sliced(**fields: Any) -> tree.Measure:
    """A measure with demod.sliced into a2, unless ``fields`` say otherwise."""
    return measure(processes=(process(**({"kind": "demod.sliced", "target": FIXEDS, "chunk": 7} | fields)),))


def chirp(*rates: Any, **fields: Any) -> tree.Play:
    """A play with a chirp."""
    return play(chirp=tree.Chirp(rates=rates, **fields))


def cell(array: str, type: Any, index: Any) -> tree.Cell:
    """A cell."""
    return tree.Cell(type=type, array=array, index=index)


RIGHT: list[tree.Statement] = [
    assign(INT, binary("int", INT, "<<", value("int", 3))),
    assign(FIXED, binary("fixed", INT, "/", value("int", 3))),
    assign(FIXED, binary("fixed", FIXED, "/", FIXED)),
    assign(INT, binary("int", INT, "/", INT)),
    assign(BOOL, FIXED),
    assign(BOOL, binary("bool", BOOL, "==", value("bool", 1))),
    assign(BOOL, binary("bool", binary("bool", INT, "<", INT), "&", BOOL)),
    assign(cell("a2", "fixed", INT), call("fixed", "random.rand_fixed", INT)),
    assign(INT, call("int", "cast.mul_int_by_fixed", INT, FIXED)),
    tree.Save(at=1, source=value("int", 3), stream="r1"),
    tree.Save(at=1, source=cell("a1", "int", INT), stream="r1"),
    play(amplitude=(FIXED,) * 4, duration=INT),
    measure(stream="r2", processes=(process(), process(target=cell("a2", "fixed", INT)))),
    measure(processes=(process(kind="dual_demod.full", weights=("c", "s"), outputs=("out1", "out2")),)),
    assign(FIXED, binary("fixed", INT, "/", INT)),
    assign(FIXED, binary("fixed", binary("fixed", INT, "/", INT), "+", FIXED)),
    assign(INT, call("int", "math.abs", INT)),
    assign(FIXED, call("fixed", "math.relu", FIXED)),
    assign(FIXED, call("fixed", "math.sin", FIXED)),
    assign(FIXED, call("fixed", "math.atan2", FIXED, FIXED)),
    assign(INT, call("int", "math.msb", FIXED)),
    assign(INT, call("int", "math.sum", INTS)),
    assign(INT, call("int", "math.argmax", FIXEDS)),
    assign(FIXED, call("fixed", "math.dot", FIXEDS, FIXEDS)),
    assign(BOOL, call("bool", "util.cond", BOOL, BOOL, BOOL)),
    assign(INT, call("int", "util.cond", BOOL, INT, call("int", "math.max", INTS))),
    play(amplitude=(FIXED,), duration=INT, truncate=value("int", 4), condition=BOOL, timestamp_stream="r1"),
    play(operation="", ramp=FIXED, duration=INT),
    chirp(INT),
    chirp(INT, value("int", 5), units="pHz"),
    play(continues=True),
    chirp(INT, INT, times=(0, 4)),
    measure(timestamp_stream="r1"),
    tree.RampToZero(at=1, element="q"),
    tree.RampToZero(at=1, element="q", duration=1 << 24),
    sliced(),
    sliced(kind="integration.accumulated", chunk=1),
    sliced(kind="demod.moving_window", window=3),
    tree.Wait(at=-1, duration=INT),
    tree.Align(at=1, elements=("a", "b")),
    tree.FrameRotation(at=1, element="q", turns=FIXED),
    tree.UpdateFrequency(at=1, element="q", frequency=INT),
    tree.ResetFrame(at=1, element="q"),
    tree.ResetIfPhase(at=1, element="q"),
    tree.StrictTiming(at=1, body=(play(),)),
    tree.If(at=1, branches=(tree.Branch(at=1, condition=BOOL, body=(play(),)),), otherwise=(play(),)),
    loop(),
    loop(start=None, step=None),
    loop(start=None, step=None, condition=None),
    each(),
]  # fmt: skip


@pytest.mark.parametrize("statement", RIGHT)
def test_right_statements(statement: tree.Statement) -> None:
    """Nothing is wrong with what the language makes."""
    assert check_program(program(statement)) == []


WRONG: list[tuple[tree.Statement, str]] = [
    (assign(tree.Variable(type="int", name="v9"), INT), "there is no variable v9"),
    (assign(tree.Variable(type="fixed", name="v1"), FIXED), "v1 is declared as int but used as fixed"),
    (assign(tree.Variable(type="int", name="a1"), INT), "a1 is an array, not a scalar"),
    (assign(INT, cell("v1", "int", INT)), "v1 is a scalar, not an array"),
    (assign(INT, cell("a1", "int", FIXED)), "the index of a1 must be int, not fixed"),
    (assign(INT, FIXED), "the value assigned to a int must be int, but v2 is fixed"),
    (assign(FIXED, INT), "the value assigned to a fixed must be fixed, but v1 is int"),
    (assign(FIXED, binary("int", INT, "/", INT)), "the value assigned to a fixed must be fixed, but v1 / v1 is int"),
    (assign(FIXED, binary("fixed", INT, "/", FIXED)), "v1 / v2 mixes int and fixed"),
    (assign(INT, binary("fixed", INT, "/", INT)), "must be int, but v1 / v1 is fixed"),
    (assign(FIXED, binary("fixed", INT, "+", INT)), "v1 + v1 is int, not fixed"),
    (assign(FIXED, binary("fixed", INT, "/", FIXED)), "v1 / v2 mixes int and fixed"),
    (assign(INT, binary("int", INT, "*", FIXED)), "v1 * v2 mixes int and fixed"),
    (assign(BOOL, binary("int", INT, "<", INT)), "v1 < v1 is bool, not int"),
    (assign(BOOL, binary("bool", BOOL, "+", BOOL)), "v3 + v3 uses + on bools"),
    (assign(BOOL, binary("bool", BOOL, "<<", INT)), "v3 << v1 shifts bool by int"),
    (assign(INT, binary("int", INT, ">>", FIXED)), "v1 >> v2 shifts int by fixed"),
    (assign(INT, value("int", 2**31)), "2147483648 does not fit a int"),
    (assign(FIXED, value("fixed", -(2**31) - 1)), "does not fit a fixed"),
    (assign(BOOL, value("bool", 2)), "2 does not fit a bool"),
    (assign(INT, call("int", "cast.to_int")), "cast.to_int takes 1 arguments, not 0"),
    (assign(INT, call("int", "cast.mul_int_by_fixed", INT, INT)), "needs fixed where it has int"),
    (assign(FIXED, call("fixed", "cast.to_int", FIXED)), "Cast.to_int(v2) is int, not fixed"),
    (assign(INT, call("int", "random.rand_int", value("int", 1), INT)), "seed of random.rand_int must be a variable"),
    (tree.Save(at=1, source=INT, stream="r9"), "there is no stream 'r9'"),
    (tree.Save(at=1, source=INT, stream="r2"), "stream r2 holds raw samples"),
    (tree.Save(at=1, source=FIXED, stream="r1"), "stream r1 holds int values, not fixed"),
    (play(amplitude=(FIXED, FIXED)), "an amplitude has 1 or 4 values, not 2"),
    (play(amplitude=(INT,)), "an amplitude must be fixed, but v1 is int"),
    (play(duration=FIXED), "the duration of play must be int, but v2 is fixed"),
    (play(duration=value("int", 3)), "the duration of play is 3 cycles; the least is 4"),
    (play(operation=""), "the name of a pulse has 1 to 256 characters"),
    (play(element="x" * 257), "the name of an element has 1 to 256 characters"),
    (measure(stream="r9"), "there is no stream 'r9'"),
    (measure(stream="r1"), "stream r1 holds saved values"),
    (measure(processes=(process(target=INT),)), "the target of demod.full must be fixed, but v1 is int"),
    (measure(processes=(process(weights=("a", "b")),)), "demod.full takes 1 weights and outputs"),
    (measure(processes=(process(kind="dual_demod.full"),)), "dual_demod.full takes 2 weights and outputs"),
    (measure(processes=(process(kind="dual_demod.full", weights=("a", "b"), outputs=("", "")),)), "name of an output"),
    (measure(processes=(process(weights=("",)),)), "the name of integration weights"),
    (measure(processes=(process(),) * 65), "more than 64 processes in one measure (PROCESSES_MAX)"),
    (assign(INT, INTS), "the whole array a1 stands where one value is needed"),
    (assign(INT, binary("int", INT, "+", INTS)), "the whole array a1 stands where one value is needed"),
    (assign(FIXED, call("fixed", "math.sin", FIXEDS)), "the whole array a2 stands where one value is needed"),
    (assign(INT, call("int", "math.sum", INT)), "a whole array is needed where v1 stands"),
    (assign(INT, call("int", "math.sum", whole("a9", "int"))), "there is no variable a9"),
    (assign(INT, call("int", "math.sum", whole("a2", "int"))), "a2 is declared as fixed but used as int"),
    (assign(INT, call("int", "math.sum", whole("v1", "int"))), "v1 is a scalar, not an array"),
    (assign(INT, call("int", "math.sum", FIXEDS)), "Math.sum(a2) is fixed, not int"),
    (assign(FIXED, call("fixed", "math.argmin", FIXEDS)), "Math.argmin(a2) is int, not fixed"),
    (assign(INT, call("int", "math.dot", FIXEDS, INTS)), "Math.dot(a2, a1) is fixed, not int"),
    (assign(FIXED, call("fixed", "math.exp", INT)), "Math.exp(v1) needs fixed where it has int"),
    (assign(FIXED, call("fixed", "math.abs", INT)), "Math.abs(v1) is int, not fixed"),
    (assign(BOOL, call("bool", "math.abs", BOOL)), "Math.abs(v3) needs int or fixed where it has bool"),
    (assign(FIXED, call("fixed", "math.pow", FIXED)), "math.pow takes 2 arguments, not 1"),
    (assign(INT, call("int", "util.cond", INT, INT, INT)), "needs bool where it has int"),
    (assign(INT, call("int", "util.cond", BOOL, INT, FIXED)), "Util.cond(v3, v1, v2) mixes int and fixed"),
    (assign(INT, call("int", "util.cond", BOOL, FIXED, FIXED)), "Util.cond(v3, v2, v2) is fixed, not int"),
    (play(truncate=value("int", 3)), "the truncate of play is 3 cycles; the least is 4"),
    (play(truncate=FIXED), "the truncate of play must be int, but v2 is fixed"),
    (play(condition=INT), "the condition of play must be bool, but v1 is int"),
    (play(timestamp_stream="r9"), "there is no stream 'r9'"),
    (play(timestamp_stream="r2"), "stream r2 holds raw samples; timestamps need a stream of ints"),
    (measure(timestamp_stream="r4"), "stream r4 holds fixed values; timestamps need a stream of ints"),
    (play(operation="", ramp=FIXED), "a ramp needs a duration"),
    (play(operation="", ramp=INT, duration=INT), "the slope of a ramp must be fixed, but v1 is int"),
    (play(operation="x", ramp=FIXED, duration=INT), "a ramp has no pulse and no amplitude"),
    (play(operation="", ramp=FIXED, duration=INT, amplitude=(FIXED,)), "a ramp has no pulse and no amplitude"),
    (chirp(), "a chirp has 1 to 4096 rates (CHIRP_SECTIONS_MAX)"),
    (chirp(*[INT] * 4097), "a chirp has 1 to 4096 rates (CHIRP_SECTIONS_MAX)"),
    (chirp(FIXED), "the rate of a chirp must be int, but v2 is fixed"),
    (chirp(INT, INT, times=(0,)), "a chirp has 2 rates and 1 times"),
    (chirp(INT, INT, times=(0, 0)), "the times of a chirp start with 0 and rise"),
    (chirp(INT, times=(1,)), "the times of a chirp start with 0 and rise"),
    (chirp(INT, INT, times=(0, 2**31)), "up to 2147483647 cycles"),
    (tree.RampToZero(at=1, element="q", duration=3), "ramp_to_zero lasts 4 to 16777216 cycles, not 3"),
    (tree.RampToZero(at=1, element="q", duration=(1 << 24) + 1), "ramp_to_zero lasts 4 to 16777216 cycles"),
    (tree.RampToZero(at=1, element=""), "the name of an element"),
    (sliced(target=FIXED), "demod.sliced writes a whole array"),
    (sliced(target=INTS), "demod.sliced writes a fixed array, but a1 is int"),
    (sliced(target=whole("a9", "fixed")), "there is no variable a9"),
    (sliced(chunk=0), "a chunk of demod.sliced has 1 to 2147483647 cycles, not 0"),
    (sliced(window=1), "demod.sliced has no window"),
    (sliced(kind="demod.moving_window"), "the window of demod.moving_window has 1 to 3 chunks, not 0"),
    (sliced(kind="integration.moving_window", window=4), "has 1 to 3 chunks, not 4"),
    (sliced(weights=("a", "b")), "demod.sliced takes 1 weights and outputs"),
    (measure(processes=(process(target=FIXEDS),)), "demod.full writes one value, not the whole array a2"),
    (measure(processes=(process(chunk=1),)), "demod.full has no chunk and no window"),
    (tagging(target=FIXEDS), "time_tagging.analog writes an int array, but a2 is fixed"),
    (tagging(target=whole("v1", "int")), "v1 is a scalar, not an array"),
    (tagging(target=whole("a9", "int")), "there is no variable a9"),
    (tagging(max_time=0), "max_time of time_tagging.analog has 1 to 67108864 ns, not 0"),
    (tagging(max_time=2_147_484, kind="time_tagging.high_res"), "has 1 to 2147483 ns, not 2147484"),
    (tagging(count=FIXED), "the count of time_tagging.analog must be int, but v2 is fixed"),
    (tagging(output="o" * 257), "the name of an output"),
    (counting(max_time=0), "max_time of counting.digital has 1 to 67108864 ns, not 0"),
    (counting(target=FIXED), "the target of counting.digital must be int, but v2 is fixed"),
    (counting(outputs=()), "takes 1 to 64 different outputs (DIGITAL_OUTPUTS_MAX)"),
    (counting(outputs=("o", "o")), "takes 1 to 64 different outputs (DIGITAL_OUTPUTS_MAX)"),
    (counting(outputs=tuple(map(str, range(65)))), "takes 1 to 64 different outputs (DIGITAL_OUTPUTS_MAX)"),
    (counting(outputs=("o", "")), "the name of an output"),
    (tree.Wait(at=1, duration=value("int", 0)), "the duration of wait is 0 cycles; the least is 4"),
    (tree.Wait(at=1, duration=FIXED), "the duration of wait must be int, but v2 is fixed"),
    (tree.Align(at=1, elements=("",)), "the name of an element"),
    (tree.Align(at=1, elements=("q",) * 1001), "more than 1000 elements in one statement (ELEMENTS_MAX)"),
    (tree.FrameRotation(at=1, element="q", turns=INT), "the angle of a frame rotation must be fixed"),
    (tree.UpdateFrequency(at=1, element="q", frequency=FIXED), "a frequency must be int, but v2 is fixed"),
    (tree.If(at=1, branches=()), "an if has no branch"),
    (tree.If(at=0, branches=(tree.Branch(at=1, condition=INT, body=()),)), "the condition of a branch must be bool"),
    (tree.If(at=0, branches=(tree.Branch(at=0, condition=BOOL, body=()),), otherwise=(play(operation=""),)), "a pulse"),
    (loop(condition=INT), "the condition of a loop must be bool, but v1 is int"),
    (loop(step=None), "a for loop has a start, a condition and a step, or no start and no step"),
    (loop(condition=None), "a for loop has a start, a condition and a step"),
    (loop(start=assign(INT, FIXED)), "the value assigned to a int must be int"),
    (loop(body=(play(operation=""),)), "the name of a pulse"),
    (each(variables=()), "for_each has 0 variables and 1 arrays"),
    (each(variables=(FIXED,)), "a1 is declared as int but used as fixed"),
    (each(variables=(INT, INT), arrays=("a1", "a1")), "for_each has one variable twice"),
    (each(variables=(INT, FIXED), arrays=("a1", "a2")), "the arrays of for_each have different lengths: [2, 3]"),
    (each(arrays=("v1",)), "v1 is a scalar, not an array"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "message"), WRONG, ids=[str(index) for index in range(len(WRONG))])
def test_wrong_statements(statement: tree.Statement, message: str) -> None:
    """One fault, one issue, at the place of its statement."""
    (issue,) = check_program(program(statement))
    assert message in issue.message
    assert (issue.at, issue.file, issue.line) == (1, "user.py", 7)


def nodes(*made: tree.StreamNode, of: int | None = None) -> tree.Program:
    """A program with stream nodes, the last one (or ``of``) kept as "x"."""
    kept = len(made) - 1 if of is None else of
    return program(nodes=made, results=(tree.Result(at=1, tag="x", of=kept, all=True),))


SOURCE = tree.Source(stream="r1")
TRACE = tree.Source(stream="r2", input=1)


def constant(*values: float, scalar: bool = False) -> tree.Constant:
    """A constant beside a stream."""
    return tree.Constant(values=values, scalar=scalar)


def plus(left: Any, right: Any) -> tree.Arithmetic:
    """A sum of streams."""
    return tree.Arithmetic(operator="+", left=left, right=right)


WRONG_STREAMS: list[tuple[tree.Program, str]] = [
    (nodes(tree.Source(stream="r9")), "there is no stream 'r9'"),
    (nodes(tree.Source(stream="r1", input=1)), "input1() is for raw samples, but stream r1 holds saved values"),
    (nodes(tree.Source(stream="r2", input=3)), "there is no analog input 3"),
    (nodes(SOURCE, of=1), "result 'x' reads a stream operator that is not there"),
    (nodes(SOURCE, of=-1), "result 'x' reads a stream operator that is not there"),
    (nodes(tree.Average(of=0)), "a stream operator must stand after its inputs"),
    (nodes(tree.Average(of=1), SOURCE, of=0), "a stream operator must stand after its inputs"),
    (nodes(SOURCE, tree.Average(of=-1)), "a stream operator must stand after its inputs"),
    (nodes(SOURCE, tree.Buffer(of=0, lengths=())), "buffer needs lengths of at least 1"),
    (nodes(SOURCE, tree.Buffer(of=0, lengths=(0,))), "buffer needs lengths of at least 1"),
    (nodes(SOURCE, tree.Buffer(of=0, lengths=(1 << 20, 1 << 20))), "(BUFFER_ITEMS_MAX)"),
    (nodes(SOURCE, tree.Map(of=0, function="average")), "needs items with an axis"),
    (nodes(SOURCE, tree.BooleanToInt(of=0)), "boolean_to_int() needs bools, but its items are int64"),
    (nodes(tree.Source(stream="r1", timestamps=True), tree.Average(of=0)), "values with timestamps"),
    (nodes(plus(constant(1, scalar=True), constant(1, scalar=True))), "needs a stream"),
    (nodes(SOURCE, plus(0, constant(1, 2, scalar=True))), "wrong number of values"),
    (nodes(SOURCE, plus(0, constant(1, 2))), "shape () and 2 numbers"),
    (nodes(SOURCE, plus(0, constant(float("inf"), scalar=True))), "not finite"),
    (nodes(SOURCE, TRACE, plus(0, 1)), "+ joins items of shapes () and (trace)"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "message"), WRONG_STREAMS, ids=[str(index) for index in range(len(WRONG_STREAMS))])
def test_wrong_streams(made: tree.Program, message: str) -> None:
    """One fault, one issue, at the line of the result that reads it."""
    (issue,) = check_program(made)
    assert message in issue.message
    assert issue.line == 7


def test_a_node_that_no_result_reads_is_checked_too() -> None:
    """It is blamed at no line."""
    (issue,) = check_program(program(nodes=(tree.Average(of=5),)))
    assert (issue.at, issue.file, issue.line) == (-1, "", 0)


def changed(index: int, **fields: Any) -> tuple[tree.Declaration, ...]:
    """The declarations with one changed."""
    made = list(DECLARATIONS)
    made[index] = msgspec.structs.replace(made[index], **fields)
    return tuple(made)


WRONG_PARTS: list[tuple[dict[str, Any], str]] = [
    ({"declarations": changed(0, name="v2")}, "there are two variables 'v2'"),
    ({"declarations": changed(0, name="")}, "the name of a variable"),
    ({"declarations": changed(0, initial=())}, "v1 has size 0 but 0 initial values"),
    ({"declarations": changed(3, size=3)}, "a1 has size 3 but 2 initial values"),
    ({"declarations": changed(0, size=-1)}, "v1 has size -1"),
    ({"declarations": changed(2, initial=(2,))}, "an initial value of v3 does not fit a bool"),
    ({"declarations": changed(0, initial=(2**31,))}, "an initial value of v1 does not fit a int"),
    ({"streams": (*STREAMS, STREAMS[0])}, "there are two streams 'r1'"),
    ({"streams": (tree.StreamDeclaration(at=0, name=""),)}, "the name of a stream"),
    ({"streams": (tree.StreamDeclaration(at=0, name="r", trace=True),)}, "stream r has traces but no raw samples"),
    ({"streams": (tree.StreamDeclaration(at=0, name="r", adc=True, type="fixed"),)}, "raw samples of stream r are int"),
    ({"sources": (("x" * 4097, 1),)}, "a path of at most 4096"),
    ({"sources": (("x", -1),)}, "a source line has"),
    ({"nodes": (SOURCE,), "results": (tree.Result(at=0, tag="a", of=0, all=True),) * 2}, "there are two results 'a'"),
    ({"nodes": (SOURCE,), "results": (tree.Result(at=0, tag="", of=0, all=True),)}, "the tag of a result"),
    (
        {"nodes": (SOURCE,), "results": (tree.Result(at=0, tag="@a", of=0, all=True),)},
        "the tag '@a' of a result begins with @",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "message"), WRONG_PARTS, ids=[str(index) for index in range(len(WRONG_PARTS))])
def test_wrong_parts(parts: dict[str, Any], message: str) -> None:
    """Declarations, streams, sources and results."""
    assert message in " | ".join(issue.message for issue in check_program(program(**parts)))


def nested(depth: int) -> tree.Statement:
    """A statement in ``depth`` blocks."""
    statement: tree.Statement = play()
    for _ in range(depth):
        statement = tree.StrictTiming(at=1, body=(statement,))
    return statement


def deep(depth: int) -> tree.Expression:
    """An expression of ``depth`` levels."""
    made: tree.Expression = INT
    for _ in range(depth - 1):
        made = binary("int", made, "+", INT)
    return made


def test_arrays_of_two_lengths() -> None:
    """The arrays of a dot have one length."""
    declarations = (*DECLARATIONS, tree.Declaration(at=0, name="a3", type="fixed", size=2, initial=(0, 0)))
    statement = assign(FIXED, call("fixed", "math.dot", FIXEDS, whole("a3", "fixed")))
    (issue,) = check_program(program(statement, declarations=declarations))
    assert issue.message == "the arrays of Math.dot(a2, a3) have different lengths: [2, 3]"
    mixed = assign(FIXED, call("fixed", "math.dot", INTS, whole("a3", "fixed")))
    assert check_program(program(mixed, declarations=declarations)) == []


def test_depth_limits() -> None:
    """The deepest allowed passes, one more does not."""
    assert check_program(program(nested(limits.BLOCK_DEPTH_MAX - 1))) == []
    (issue,) = check_program(program(nested(limits.BLOCK_DEPTH_MAX)))
    assert "BLOCK_DEPTH_MAX" in issue.message
    assert check_program(program(assign(INT, deep(limits.EXPRESSION_DEPTH_MAX)))) == []
    (issue,) = check_program(program(assign(INT, deep(limits.EXPRESSION_DEPTH_MAX + 1))))
    assert "nested more than" in issue.message


@pytest.mark.parametrize(
    ("limit", "made"),
    [
        ("STATEMENTS_MAX", lambda: program(*[tree.Align(at=0)] * 6)),
        ("EXPRESSION_NODES_MAX", lambda: program(*[assign(INT, deep(3))] * 2)),
        ("SLICES_MAX", lambda: program(measure(processes=sliced().processes * 2))),
        ("CHIRP_SECTIONS_MAX", lambda: program(chirp(*[INT] * 5))),
        ("VARIABLES_MAX", lambda: program()),
        ("ARRAY_CELLS_MAX", lambda: program()),
        ("STREAMS_MAX", lambda: program()),
        ("NODES_MAX", lambda: program(nodes=(SOURCE,) * 6)),
        ("RESULTS_MAX", lambda: program(nodes=(SOURCE,), results=(tree.Result(at=0, tag="a", of=0, all=True),) * 6)),
        ("CONSTANT_VALUES_MAX", lambda: nodes(SOURCE, tree.Buffer(of=0, lengths=(6,)), plus(1, constant(*range(6))))),
        ("SOURCES_MAX", lambda: program(sources=SOURCES * 3)),
    ],
)  # fmt: skip
def test_size_limits(limit: str, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each limit is named in its refusal (the limits are lowered to 4 here)."""
    monkeypatch.setattr(limits, limit, 4)
    assert any(f"({limit})" in issue.message for issue in check_program(made()))


def test_all_faults_at_once() -> None:
    """Issues come in the order of the program, up to ISSUES_MAX."""
    made = program(
        play(operation=""), assign(INT, FIXED), *[tree.Wait(at=1, duration=value("int", -k)) for k in range(200)]
    )
    issues = check_program(made)
    assert len(issues) == ISSUES_MAX
    assert "pulse" in issues[0].message
    assert "assigned" in issues[1].message


def test_raise_issues() -> None:
    """Nothing to say raises nothing; else one error says all, in words and as data."""
    raise_issues([])
    issues = [
        ProgramIssue(at=1, file="user.py", line=7, message="first"),
        ProgramIssue(at=-1, file="", line=0, message="second"),
    ]
    with pytest.raises(AskedWrongly) as caught:
        raise_issues(issues)
    assert caught.value.code == "bad_program"
    assert caught.value.message == "the program has 2 errors:\n  user.py:7: first\n  second"
    assert caught.value.details["issues"][0] == {"at": 1, "file": "user.py", "line": 7, "message": "first"}
