"""API tests share the demonstration site with the tests of the pages."""

from tests.demo_site import browsers, demo_app, demo_folder, demo_site, own_app, own_browsers, own_demo, own_folder, things

__all__ = ["browsers", "demo_app", "demo_folder", "demo_site", "own_app", "own_browsers", "own_demo", "own_folder", "things"]
