"""Tests of the recommender share the demonstration site with those of the pages."""

from tests.demo_site import demo_folder, demo_site, own_demo, own_folder

__all__ = ["demo_folder", "demo_site", "own_demo", "own_folder"]
