"""What travels inside the package, wherever the package lies."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def templates_folder() -> Path:
    """Templates stand beside the packages in a checkout and inside the package in a wheel."""
    inside = Path(str(files("marketplace"))) / "templates"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "templates"
