"""The house rules of ARCHITECTURE.md, held over the source text."""

from __future__ import annotations

import ast
from importlib import metadata
from pathlib import Path

import pytest

import quaymaster

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("_core", "broker", "controller", "client")
ALLOWED = {"_core": set(), "broker": {"_core"}, "controller": {"_core"}, "client": {"_core"}}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
FORBIDDEN_CALLS = {"eval", "exec", "os.system", "os.popen"}


def sources() -> list[Path]:
    return [path for room in (*ROOMS, "src") for path in sorted((ROOT / room).rglob("*.py"))]


def imported_rooms(path: Path) -> set[str]:
    """The rooms that a file imports, by relative or absolute import."""
    depth = len(path.relative_to(ROOT).parts) - 1
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level > depth:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            rooms.update(name.split(".")[0] for name in names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("quaymaster"):
            rooms.add((node.module or "").removeprefix("quaymaster").strip(".").split(".")[0] or "quaymaster")
        elif isinstance(node, ast.Import):
            rooms.update(
                alias.name.split(".")[1] if "." in alias.name else "quaymaster"
                for alias in node.names
                if alias.name.split(".")[0] == "quaymaster"
            )
    return rooms


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_whom_they_may(room: str) -> None:
    """_core imports none of ours; broker, controller and client import _core and never each other or the face."""
    for path in sorted((ROOT / room).rglob("*.py")):
        others = imported_rooms(path) - {room}
        assert others <= ALLOWED[room], f"{path.relative_to(ROOT)} imports {sorted(others - ALLOWED[room])}"


def test_no_pickle_eval_or_shell_anywhere() -> None:
    """No module that revives objects, no evaluation of text, no shell."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN_MODULES, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in FORBIDDEN_MODULES, path
            elif isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in FORBIDDEN_CALLS, f"{path}:{node.lineno}"
                assert not any(k.arg == "shell" for k in node.keywords), f"{path}:{node.lineno}"


def test_the_installed_package_holds_only_quaymaster() -> None:
    """No top-level `client` or `broker` leaks from the wheel: every file of the distribution is under quaymaster/."""
    files = metadata.files("quaymaster") or []
    tops = {file.parts[0] for file in files if not file.parts[0].startswith("..")}
    assert all(top.startswith(("quaymaster", "_editable", "__pycache__")) for top in tops), tops


def test_the_version_is_told_once() -> None:
    """The package and its metadata agree on the version."""
    assert quaymaster.__version__ == metadata.version("quaymaster")


def test_importing_the_face_is_light() -> None:
    """`import quaymaster` loads no socket library, no numpy and no web of rooms: they come when asked for."""
    import subprocess
    import sys

    code = "import sys, quaymaster; print([m for m in ('zmq', 'numpy', 'matplotlib', 'typer') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_test_says_what_it_shows() -> None:
    """Each test function begins with a docstring."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent
