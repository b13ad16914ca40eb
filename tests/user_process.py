"""A user's Python session in a process of its own: code goes in as text, values come out as JSON.

As a script it is that session: each line of its input is a JSON object {"run": code} or {"value": expression}; each
line of its output is {"value": ...} or {"error": [class names, text]}.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any


class UserError(Exception):
    """What the session's code raised: `kinds` are the names of its class and bases."""

    def __init__(self, kinds: list[str], text: str) -> None:
        super().__init__(text)
        self.kinds = kinds


class User:
    """One user at one computer: the login name is `name`, and `QuantumMachinesManager()` finds the cluster."""

    def __init__(self, name: str, environment: dict[str, str]) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment, "LOGNAME": name, "USER": name},
        )

    def run(self, code: str) -> None:
        """Run statements. Raises UserError with what they raise."""
        self._ask({"run": textwrap.dedent(code)})

    def value(self, expression: str) -> Any:
        """The value of an expression, as JSON has it."""
        return self._ask({"value": expression})

    def _ask(self, what: dict[str, str]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the session of {self.name} has ended"
        answer = json.loads(line)
        if "error" in answer:
            raise UserError(*answer["error"])
        return answer["value"]

    def leave(self) -> int:
        """End the session as a script ends; returns its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(10)

    def kill(self) -> None:
        """End the session with SIGKILL, if it has not ended."""
        self._process.kill()
        self._process.wait(10)

    def __enter__(self) -> User:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()


def session() -> None:
    """Follow the lines of standard input."""
    out = sys.stdout
    sys.stdout = sys.stderr
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    names: dict[str, Any] = {"__name__": "session"}
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if "run" in asked:
                exec(compile(asked["run"], "session.py", "exec"), names)
                answer: dict[str, Any] = {"value": None}
            else:
                value = eval(asked["value"], names)
                answer = {"value": json.loads(json.dumps(value, default=_plain))}
        except Exception as error:
            answer = {"error": [[kind.__name__ for kind in type(error).__mro__], str(error)]}
        out.write(json.dumps(answer) + "\n")
        out.flush()


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else list(value) if hasattr(value, "__iter__") else repr(value)


if __name__ == "__main__":
    session()
