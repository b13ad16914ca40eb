"""The base of every record of a program tree."""

from __future__ import annotations

import msgspec


class Node(msgspec.Struct, frozen=True, kw_only=True, tag_field="node", tag=True, forbid_unknown_fields=True):
    """Base of everything in a tree; the tag is the class name."""
