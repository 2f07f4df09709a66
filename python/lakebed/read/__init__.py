"""`read_...`: chains over files, datasets, tables and Python values; a module for each format."""

from __future__ import annotations
