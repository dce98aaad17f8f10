"""Finds packages without importing them, and modules that hide them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from typing import NamedTuple

__all__ = ["Found", "find_package", "shadow_text"]


class Found(NamedTuple):
    """What an import of the name would return.

    Attributes:
        shadow: the file of another module with the name, or None if it is the right
            one.
    """

    shadow: str | None


def find_package(name: str, inside: Iterable[str]) -> Found | None:
    """What an import of this name would return, or None if nothing has the name.

    Args:
        name: the name of a package.
        inside: modules in the package that identify it, because a file or folder of the
            project may have the same name.
    """
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # somebody put a module without a spec there, perhaps a stub
        return Found(getattr(sys.modules[name], "__file__", None) or "sys.modules")
    if spec is None:
        return None
    folders = spec.submodule_search_locations
    if folders is not None and all(
        PathFinder.find_spec(f"{name}.{module}", folders) for module in inside
    ):
        return Found(None)
    if spec.origin is None:  # just a folder: an installed package takes precedence
        return None
    return Found(spec.origin)


def shadow_text(name: str, package: str, file: str) -> str:
    """The message for a file that hides an installed package."""
    text = (
        f"`import {name}` gives {file} here, not {package}, which the kit needs. "
        "Rename that file or folder"
    )
    if file.endswith("__init__.py"):
        text += (
            ". If it is a folder of tests, you can instead add an __init__.py to its "
            "parent folder, so that pytest puts the parent's name first"
        )
    return f"{text}."
