"""What is wrong with a config: the issues, gathered instead of raised, and the error that carries them all.

An issue has the form of the platform's server messages: {group, path, message, level}.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from ..errors import AskedWrongly
from .limits import ISSUES_MAX

Level = Literal["config", "physical", "warning"]

_PREFIX: dict[Level, str] = {
    "config": "CONFIG ERROR",
    "physical": "PHYSICAL CONFIG ERROR",
    "warning": "CONFIG WARNING",
}

_shown = reprlib.Repr()
_shown.maxlevel, _shown.maxstring, _shown.maxother, _shown.maxlong = 2, 60, 60, 40


class ConfigIssue(msgspec.Struct, frozen=True, order=True):
    """One problem. ``level``: "config" (the dict is wrong), "physical" (no hardware is so), or "warning"."""

    group: str
    path: str
    message: str
    level: Level = "config"

    def __str__(self) -> str:
        return f"{_PREFIX[self.level]} in key {self.path} [{self.group}] : {self.message}"


class Report:
    """Collects issues; keeps the first ``ISSUES_MAX`` and counts the rest."""

    def __init__(self) -> None:
        self._issues: list[ConfigIssue] = []
        self._known: set[ConfigIssue] = set()
        self._left_out = 0
        self.errors = 0

    @property
    def full(self) -> bool:
        """Whether further issues are only counted, so that callers need not word them well."""
        return len(self._issues) >= ISSUES_MAX

    def add(self, group: str, path: str, message: str, level: Level = "config") -> None:
        """Note one issue; the same issue twice counts once."""
        issue = ConfigIssue(group, path, message, level)
        if issue in self._known:
            return
        if level != "warning":
            self.errors += 1
        if self.full:
            self._left_out += 1
            return
        self._known.add(issue)
        self._issues.append(issue)

    def issues(self) -> list[ConfigIssue]:
        """All issues in the order they were found, errors before warnings, with a last line for what was left out."""
        ordered = sorted(self._issues, key=lambda issue: issue.level == "warning")
        if self._left_out:
            level: Level = "config" if self.errors else "warning"
            message = f"{self._left_out} more issues are not listed"
            ordered.append(ConfigIssue("config.issues", "config", message, level))
        return ordered


def shown(value: object) -> str:
    """A short text for any value, however large or odd."""
    try:
        return _shown.repr(value)
    except (ValueError, RecursionError):  # an integer of more digits than Python prints
        return f"a {type(value).__name__}"


def config_error(issues: Iterable[ConfigIssue]) -> AskedWrongly:
    """The error that lists every issue that is not a warning; ``details["issues"]`` holds them as plain data."""
    errors = [issue for issue in issues if issue.level != "warning"]
    details: dict[str, Any] = {"issues": [msgspec.to_builtins(issue) for issue in errors]}
    hint = "correct each listed key; nothing was changed"
    return AskedWrongly("\n".join(map(str, errors)), code="config_error", hint=hint, details=details)
