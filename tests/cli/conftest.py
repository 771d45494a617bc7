"""The commands are tried on the demonstration site, each in a process of its own kind: called in here, or really started."""

from tests.demo_site import demo_folder, demo_site, own_folder

__all__ = ["demo_folder", "demo_site", "own_folder"]
