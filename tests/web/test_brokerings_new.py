"""Drafting a brokering from a plan: what was ticked there stands ticked on the page that drafts it."""

from __future__ import annotations

import re

from tests.opened import Browser
from tests.web.people import Things


def test_a_plan_leads_to_a_brokering_of_what_was_ticked(own_browsers: dict[str, Browser], things: Things) -> None:
    centre, unit = own_browsers["centre"], things.own_enterprise
    plan = centre.get(f"/enterprises/{unit}/plan").text
    form = re.search(r'<form class="jg-row" id="compare-(\d+)".*?</form>', plan, re.S)
    assert form is not None
    assert f'formaction="/brokerings/new/{unit}"' in form[0]
    solutions = re.findall(rf'form="compare-{form[1]}" name="s" value="(\d+)"', plan)
    here = f"/brokerings/new/{unit}"
    page = f"{here}?place=plan&problem={form[1]}" + "".join(f"&s={one}" for one in solutions[:2])
    ticked = re.findall(r'name="match" value="([^"]+)" checked', centre.get(page).text)
    assert len(ticked) == 2
    assert len(solutions) > 2
    answer = centre.post(here, {"place": "plan", "match": ticked}, form=page)
    assert answer.status_code == 303
    assert "一企一策" in centre.get(answer.location).text
    # What was refused comes back as it was ticked.
    refused = centre.post(here, {"place": "plan"}, form=page)
    assert refused.status_code == 422
    assert 'name="place" value="plan"' in refused.text
