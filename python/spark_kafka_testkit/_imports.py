"""Packages looked for without importing them, and modules that stand in their way."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from typing import NamedTuple

__all__ = ["Found", "find_package", "shadow_text"]


class Found(NamedTuple):
    """What an import of the name would give.

    Attributes:
        shadow: the file of another module that has the name; None where it is the one
            that is wanted.
    """

    shadow: str | None


def find_package(name: str, inside: Iterable[str]) -> Found | None:
    """What an import of this name would give, or has given; None where nothing has it.

    Args:
        name: of a package.
        inside: modules in it, by which it is known: a project's own file or folder may
            have its name.
    """
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # somebody put a module without a spec there: a stub, say
        return Found(getattr(sys.modules[name], "__file__", None) or "sys.modules")
    if spec is None:
        return None
    folders = spec.submodule_search_locations
    if folders is not None and all(
        PathFinder.find_spec(f"{name}.{module}", folders) for module in inside
    ):
        return Found(None)
    if spec.origin is None:  # a mere folder, which an installed package comes before
        return None
    return Found(spec.origin)


def shadow_text(name: str, package: str, file: str) -> str:
    """What is said where a file stands in the way of an installed package."""
    text = (
        f"`import {name}` gives {file} here, and not {package}, which the kit needs. "
        "Rename that file or folder"
    )
    if file.endswith("__init__.py"):
        text += (
            "; or, where it is a folder of tests, put an __init__.py into its parent "
            "folder too: then pytest gives it that one's name first"
        )
    return f"{text}."
