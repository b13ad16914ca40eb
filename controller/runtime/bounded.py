"""A mapping that forgets what was unused for longest, beyond a number of entries or of bytes. Not safe from threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """The newest entry always stays, however large."""

    def __init__(self, *, entries_max: int, bytes_max: int) -> None:
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._bytes = 0

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        """The value, which counts as used now."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, size_bytes: int) -> None:
        """Keep a value, in the place of any older one of this key."""
        old = self._entries.pop(key, None)
        self._bytes += size_bytes - (old[1] if old is not None else 0)
        self._entries[key] = (value, size_bytes)
        while len(self._entries) > 1 and (len(self._entries) > self._entries_max or self._bytes > self._bytes_max):
            _, (_, gone_bytes) = self._entries.popitem(last=False)
            self._bytes -= gone_bytes
