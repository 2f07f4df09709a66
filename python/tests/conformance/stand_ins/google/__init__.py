"""The package of the service below."""

from __future__ import annotations
