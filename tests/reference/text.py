"""Programs as a few lines of text, for the messages of failing tests."""

from __future__ import annotations

from collections.abc import Iterator

from quaymaster._core.program import tree


def of_expression(node: tree.Expression | None) -> str:
    """An expression in infix; literals are raw."""
    match node:
        case None:
            return "-"
        case tree.Value():
            return f"{node.raw}{node.type[0]}"
        case tree.Variable():
            return node.name
        case tree.Io():
            return f"IO{node.number}{node.type[0]}"
        case tree.Cell():
            return f"{node.array}[{of_expression(node.index)}]"
        case tree.Whole():
            return f"all of {node.array}"
        case tree.Binary():
            return f"({of_expression(node.left)} {node.operator}{node.type[0]} {of_expression(node.right)})"
        case tree.Call():
            return f"{node.function}({', '.join(map(of_expression, node.arguments))})"


def of_assign(node: tree.Assign | None) -> str:
    """An assign, or nothing."""
    return "-" if node is None else f"{of_expression(node.target)} = {of_expression(node.value)}"


def of_process(process: tree.Process | tree.Tagging | tree.Counting) -> str:
    """A process of a measure."""
    if isinstance(process, tree.Counting):
        what = f"{process.at}:{process.kind}({', '.join(process.outputs)}, {process.max_time})"
        return f"{what} -> {of_expression(process.target)}"
    if isinstance(process, tree.Tagging):
        count = of_expression(process.count)
        what = f"{process.at}:{process.kind}({process.max_time} ns @{process.output})"
        return f"{what} -> {of_expression(process.target)}, {count}"
    where = ", ".join(map("@".join, zip(process.weights, process.outputs, strict=True)))
    return f"{process.at}:{process.kind}({where}) -> {of_expression(process.target)}"


def stamp(node: tree.Play | tree.Measure) -> list[str]:
    """Where the start of a statement is saved."""
    return [] if node.timestamp_stream is None else [f"start to {node.timestamp_stream}"]


def head(node: tree.Statement) -> str:
    """A statement without what is in it."""
    match node:
        case tree.Assign():
            return of_assign(node)
        case tree.Save():
            return f"save {of_expression(node.source)} to {node.stream}"
        case tree.Play():
            amplitude = ", ".join(map(of_expression, node.amplitude))
            options = {"duration": node.duration, "truncate": node.truncate, "ramp": node.ramp, "if": node.condition}
            named = [f"{name} {of_expression(value)}" for name, value in options.items() if value is not None]
            chirp = [] if node.chirp is None else [f"chirp {', '.join(map(of_expression, node.chirp.rates))}"]
            named += [f"target {node.target}"] if node.target else []
            chirp += ["continue_chirp"] if node.continues else []
            return " ".join([f"play {node.operation} on {node.element} amp({amplitude})", *named, *chirp, *stamp(node)])
        case tree.Measure():
            amplitude = ", ".join(map(of_expression, node.amplitude))
            processes = "; ".join(map(of_process, node.processes))
            start = f"measure {node.operation} on {node.element} amp({amplitude}) adc {node.stream}"
            return " ".join([start, f"[{processes}]", *stamp(node)])
        case tree.Wait():
            return f"wait {of_expression(node.duration)} on {node.elements or 'all'}"
        case tree.Align():
            return f"align {node.elements or 'all'}"
        case tree.FrameRotation():
            return f"rotate {node.element} by {of_expression(node.turns)}"
        case tree.UpdateFrequency():
            return f"frequency {node.element} {of_expression(node.frequency)} {node.units} keep {node.keep_phase}"
        case tree.AdvanceInput():
            return f"advance {node.variable}"
        case tree.WaitForTrigger():
            source = "" if node.source is None else f" from {node.source.element}.{node.source.output}"
            tag = "" if node.tag is None else f" at {of_expression(node.tag)}"
            return f"trigger for {node.element} with {node.operation or 'nothing'}{source}{tag}"
        case tree.RampToZero():
            return f"ramp {node.element} to zero in {node.duration}"
        case tree.UpdateCorrection():
            return f"correct {node.element} by {', '.join(map(of_expression, node.correction))}"
        case tree.LoadWaveform():
            return f"load {node.operation} {of_expression(node.index)} of {node.element}"
        case tree.SetDcOffset():
            return f"offset {node.element} {node.input} {of_expression(node.offset)}"
        case tree.ResetFrame() | tree.ResetIfPhase():
            return f"{type(node).__name__} {node.element}"
        case tree.For():
            return f"for {of_assign(node.start)}; {of_expression(node.condition)}; {of_assign(node.step)}"
        case tree.ForEach():
            return f"for each {[v.name for v in node.variables]} in {node.arrays}"
    return type(node).__name__


def lines(body: tuple[tree.Statement, ...], indent: str = "  ") -> Iterator[str]:
    """Each statement with its position, what is in it indented."""
    for node in body:
        yield f"{node.at:4}{indent}{head(node)}"
        match node:
            case tree.If():
                for branch in node.branches:
                    yield f"{branch.at:4}{indent}when {of_expression(branch.condition)}"
                    yield from lines(branch.body, indent + "  ")
                yield f"    {indent}else"
                yield from lines(node.otherwise, indent + "  ")
            case tree.For() | tree.ForEach() | tree.StrictTiming():
                yield from lines(node.body, indent + "  ")


def of_program(program: tree.Program) -> str:
    """A program, a line for each statement; saves at its end are left out."""
    body = list(program.body)
    while body and isinstance(body[-1], tree.Save) and body[-1].stream.startswith("end_"):
        body.pop()
    return "\n".join(lines(tuple(body)))
