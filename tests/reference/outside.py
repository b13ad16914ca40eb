"""Section 15 of docs/arithmetic.md: what comes from outside, as a job meets it that knows all of it from the start."""

from __future__ import annotations

from collections.abc import Iterable

from quaymaster._core.engine.outside import Outside


class Incoming:
    """The entries of a log, by what they are for; ``period_ns``: of the periodic source of edges, 0 for none."""

    def __init__(self, log: Iterable[Outside], period_ns: int) -> None:
        self.registers: dict[str, list[tuple[int, int]]] = {"1": [], "2": []}
        self.settings: list[Outside] = []
        self.items: dict[str, list[tuple[int, tuple[int, ...]]]] = {}
        self.resumes = 0
        self.edges: list[tuple[int, str]] = []
        self.period_ns = period_ns
        for entry in log:
            match entry.kind:
                case "io":
                    self.registers[entry.name].append((entry.place, entry.raws[0]))
                case "input":
                    self.items.setdefault(entry.name, []).append((entry.instant_ns, entry.raws))
                case "resume":
                    self.resumes += 1
                case "trigger":
                    self.edges.append((entry.instant_ns, entry.name))
                case "frequency" | "correction" | "offset":
                    self.settings.append(entry)

    def set_before(self, register: int, access: int) -> int | None:
        """What is written to a register just before an access: the last of all entries for it."""
        raws = [raw for place, raw in self.registers[str(register)] if place == access]
        return raws[-1] if raws else None

    def settings_before(self, element: str, act: int) -> list[Outside]:
        """What is set of an element just before an act of it, in the order in which it came."""
        return [entry for entry in self.settings if (entry.name, entry.place) == (element, act)]

    def item(self, name: str, number: int) -> tuple[int, tuple[int, ...]] | None:
        """(instant, values) of an item of an input stream; None where nobody pushed it."""
        items = self.items.get(name, [])
        return items[number] if number < len(items) else None

    def edge(self, controller: str, at_least: int) -> int | None:
        """The first edge at a controller from an instant on, of either source."""
        found = [t for t, name in self.edges if t >= at_least and name in ("", controller)]
        if self.period_ns:
            found.append(-(-at_least // self.period_ns) * self.period_ns)
        return min(found, default=None)
