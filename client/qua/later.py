"""Names of the language that come later: they exist, and raise ``not_yet`` where they are used."""

from __future__ import annotations

from typing import NoReturn

from ..._core.errors import not_yet


class Later:
    """Stands for something called ``name``: calling it, computing with it or handing it to a statement raises
    ``not_yet``.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def refuse(self) -> NoReturn:
        """Raise the error that names what is missing."""
        raise not_yet(self._name)

    def __repr__(self) -> str:
        return f"<{self._name}: comes with a later version>"

    def _refuse_any(self, *_arguments: object, **_named: object) -> NoReturn:
        self.refuse()

    __hash__ = object.__hash__
    __call__ = __getitem__ = __iter__ = __bool__ = _refuse_any
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse_any
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = __neg__ = __pos__ = _refuse_any
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _refuse_any
    __lt__ = __le__ = __gt__ = __ge__ = _refuse_any
    __eq__ = __ne__ = _refuse_any


def refuse_given(statement: str, **options: object) -> None:
    """Raise ``not_yet`` for the first of ``options`` that is given (not None, False or "")."""
    for name, value in options.items():
        if isinstance(value, Later):
            value.refuse()
        if value is not None and value is not False and not (isinstance(value, str) and value == ""):
            raise not_yet(f"{statement}({name}=...)")
