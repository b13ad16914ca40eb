"""The compiler: program + config → image, with errors that name file, line and variable."""

from .compiled import compile_program
from .disassemble import disassemble
from .gaps import gap_lines, refuse_gaps

__all__ = ["compile_program", "disassemble", "gap_lines", "refuse_gaps"]
