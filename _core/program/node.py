"""The base of every record of a program tree."""

from __future__ import annotations

import msgspec


class Node(msgspec.Struct, frozen=True, kw_only=True, tag_field="node", tag=True, forbid_unknown_fields=True, gc=False):
    """Base of everything in a tree; the tag is the class name.

    Trees are made from the leaves up and frozen, so they hold no cycles for a garbage collector to find.
    """
