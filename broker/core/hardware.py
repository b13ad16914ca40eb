"""Whether a controller is what a config says of it; asked when a qm is opened, and when a job starts: a controller that
comes back may have become another."""

from __future__ import annotations

from ..._core.errors import AskedWrongly
from .claims import type_matches
from .rows import ControllerRow


def check_hardware(row: ControllerRow, kind: str, fems: dict[int, str]) -> None:
    """Type and FEMs of a controller. Raises AskedWrongly `controller_type`, `fem_type`."""
    is_opx1000 = row.type == "opx1000"
    if not type_matches(kind, row.type):
        raise AskedWrongly(
            f"controller {row.name} is an {row.type.upper()}; the config says its type is {kind!r}",
            code="controller_type",
            hint=f'say "type": "{"opx1000" if is_opx1000 else "opx1"}" for {row.name}, or use another controller',
            details={"controller": row.name, "has": row.type, "config": kind},
        )
    for fem, fem_type in fems.items() if is_opx1000 else ():
        has = row.fems.get(fem)
        if has is None or has.lower() != fem_type.lower():
            raise AskedWrongly(
                f"FEM {fem} of controller {row.name} is {has.upper() if has else 'an empty slot'}; "
                f"the config says {fem_type.upper()}",
                code="fem_type",
                hint="give each FEM in the config the type that is in its slot",
                details={"controller": row.name, "fem": fem, "has": has or "", "config": fem_type},
            )
