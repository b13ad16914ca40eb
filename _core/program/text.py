"""Expressions as a user would write them, for messages and reprs."""

from __future__ import annotations

from . import tree
from .literals import python_value

_LIBRARIES = {"cast": "Cast", "random": "Random", "math": "Math", "util": "Util"}


def expression_text(node: tree.Expression, depth: int = 6) -> str:
    """``node`` in the words of the language; what lies deeper than ``depth`` becomes ``...``."""
    if depth <= 0:
        return "..."
    match node:
        case tree.Value():
            return str(python_value(node.type, node.raw))
        case tree.Variable():
            return node.name
        case tree.Io():
            return f"IO{node.number}"
        case tree.Whole():
            return node.array
        case tree.Cell():
            return f"{node.array}[{expression_text(node.index, depth - 1)}]"
        case tree.Binary():
            left, right = (_bracketed(side, depth - 1) for side in (node.left, node.right))
            return f"{left} {node.operator} {right}"
        case tree.Call():
            library, _, name = node.function.partition(".")
            inside = ", ".join(expression_text(argument, depth - 1) for argument in node.arguments)
            return f"{_LIBRARIES[library]}.{name}({inside})"


def _bracketed(node: tree.Expression, depth: int) -> str:
    text = expression_text(node, depth)
    return f"({text})" if isinstance(node, tree.Binary) else text
