"""Where changes become durable: SQLite in WAL mode, `synchronous=FULL`, one connection, one commit per round.

`sqlite_store.Store` makes a round of changes durable or raises `StoreUnavailable`; `schema` is the tables; `lock` keeps
a second broker out of the directory.
"""

from .sqlite_store import Store, StoreUnavailable

__all__ = ["Store", "StoreUnavailable"]
