"""The compiler: program + config → image, with errors that name file, line and variable."""

from .compiled import compile_program
from .disassemble import disassemble

__all__ = ["compile_program", "disassemble"]
