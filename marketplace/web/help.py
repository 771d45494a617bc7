"""What the platform is, and how the ranking works."""

from __future__ import annotations

from flask import Blueprint, render_template

from marketplace.guard import open_to_all

pages = Blueprint("help", __name__)


@pages.get("/help")
@open_to_all
def page() -> str:
    return render_template("help/page.html")


@pages.get("/how-ranking-works")
@open_to_all
def ranking() -> str:
    return render_template("help/ranking.html", weights=(), model="")
