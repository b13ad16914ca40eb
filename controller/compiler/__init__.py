"""The compiler: program + config → image, with errors that name file, line and variable."""

from .compiled import compile_program
from .disassemble import disassemble
from .flags import flag_lines
from .gaps import gap_lines, refuse_gaps
from .silent_streams import remark_lines

__all__ = ["compile_program", "disassemble", "flag_lines", "gap_lines", "refuse_gaps", "remark_lines"]
