"""The packaged pilot understands every word of the demonstration set, and another city is another file."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from marketplace.pilot import TONES, Pilot, PilotError, load_pilot

DATA = Path(__file__).parents[1] / "marketplace" / "data"

CITY = """
[pilot]
name = "示例市"
name_en = "Sample City"
title = "试点"
title_en = "Pilot"
zone = "Asia/Shanghai"
currency = "CNY"
term_start = 2025-01-01
implementation_end = 2027-12-31
term_end = 2028-06-30

[[sectors]]
key = "mach"
name = "通用设备制造业"
short = "机械"
en = "General machinery"
division = "34"
groups = [{ code = "342", name = "金属加工机械制造" }]

[[areas]]
key = "north"
name = "城北工业园"
en = "North Park"
kind = "park"
"""

THRESHOLDS = """
[thresholds]
strength = [0.5, 0.4, 0.6]
page_size = 20
candidate_depth = 200
suggestion_count = 8
"""


def demo(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "demo" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    return load_pilot()


@pytest.mark.parametrize(
    ("file", "field", "kind"),
    [
        ("solutions", "sectors", "sector"),
        ("solutions", "stages", "stage"),
        ("solutions", "orientations", "orientation"),
        ("solutions", "form", "form"),
        ("problems", "stage", "stage"),
        ("problems", "orientation", "orientation"),
        ("problems", "priority", "priority"),
        ("scenarios", "sector", "sector"),
        ("scenarios", "stage", "stage"),
        ("scenarios", "orientations", "orientation"),
        ("scenarios", "kind", "scenario_kind"),
        ("providers", "kind", "provider_kind"),
        ("providers", "sectors", "sector"),
        ("cases", "client_sector", "sector"),
        ("enterprises", "sector", "sector"),
        ("enterprises", "park", "area"),
    ],
)
def test_every_word_of_the_demonstration_set_is_known(pilot: Pilot, file: str, field: str, kind: str) -> None:
    for row in demo(file):
        for word in row[field] if isinstance(row[field], list) else [row[field]]:
            assert pilot.find(kind, word), f"{file}: {kind} {word}"


def test_every_demonstration_scenario_leads_into_the_catalogue(pilot: Pilot) -> None:
    for row in demo("scenarios"):
        scenario = pilot.scenario(row["code"])
        assert scenario, row["code"]
        assert scenario.sector == row["sector"]
        assert pilot.scenario_codes(row["code"])[0] == scenario.code
    assert set(pilot.mapping) == {row["code"] for row in demo("scenarios")}


def test_the_outcomes_of_the_demonstration_set_have_labels(pilot: Pilot) -> None:
    for row in demo("history"):
        assert pilot.label("outcome", row["decision"])
        if "project" in row:
            assert pilot.label("acceptance", row["project"]["acceptance"])


def test_the_catalogue_is_whole(pilot: Pilot) -> None:
    sizes = {prefix: sum(s.code.startswith(prefix) for s in pilot.scenarios) for prefix in ("CH", "AU", "EL", "CM")}
    assert sizes == {"CH": 20, "AU": 20, "EL": 20, "CM": 8}
    assert len({s.code for s in pilot.scenarios}) == len(pilot.scenarios) == 68
    for scenario in pilot.scenarios:
        assert pilot.scenario(scenario.code) is scenario
        assert pilot.scenario_codes(scenario.code.lower()) == (scenario.code,)
        assert scenario.typical_problems
        assert scenario.solution_categories
        assert scenario.one_line_zh
        assert all(1 <= n <= 40 for n in scenario.ns)


def test_labels_have_known_tones(pilot: Pilot) -> None:
    for noun in ("provider", "solution", "scenario", "diagnosis", "problem", "match", "import"):
        assert pilot.labels[noun]
    for noun, states in pilot.labels.items():
        for state in states:
            found = pilot.label(noun, state)
            assert found
            assert found[0]
            assert found[1] in TONES
    assert pilot.label("provider", "admitted") == ("已入库", "good")
    assert pilot.label("provider", "admitted", "en") == ("In the pool", "good")
    assert pilot.label("provider", "unheard_of") is None
    assert pilot.label("unheard_of", "admitted") is None


@pytest.mark.parametrize(
    ("kind", "text", "key"),
    [
        ("sector", "化工", "chem"),
        ("sector", "C39", "elec"),
        ("sector", " 汽车 制造业", "auto"),
        ("orientation", "数智化", "intelligent"),
        ("orientation", "绿", "green"),
        ("stage", "能源", "energy"),
        ("stage", "管理", "management"),
        ("area", "ＴＥＤＡ", "teda"),
        ("area", "经开区", "teda"),
        ("area", "大港街道", "dagang"),
        ("form", "Solution", "solution"),
        ("deployment", "saas", "cloud"),
        ("role", "实施主体", "enterprise"),
        ("priority", "高", "high"),
    ],
)
def test_keys_names_short_names_and_aliases_are_understood(pilot: Pilot, kind: str, text: str, key: str) -> None:
    found = pilot.find(kind, text)
    assert found
    assert found.key == key


def test_strangers_are_none_and_get_close_names(pilot: Pilot) -> None:
    assert pilot.sector("机械") is None
    assert pilot.area("") is None
    assert pilot.scenario("CH-99") is None
    assert pilot.scenario_codes("CH-99") == ()
    assert "质量管理" in pilot.suggestions("stage", "质量检验")
    assert pilot.suggestions("area", "") == ()
    with pytest.raises(ValueError, match="no kind of term"):
        pilot.terms("colour")


def test_an_industry_code_leads_to_its_sector(pilot: Pilot) -> None:
    codes = ("C3670", "26", "2614", "3990", "2690", "35", "36x", "")
    found = [pilot.sector_of_industry(code) for code in codes]
    assert [sector.key if sector else None for sector in found] == [
        "auto",
        "chem",
        "chem",
        "elec",
        None,
        None,
        None,
        None,
    ]


def test_strength_has_four_steps(pilot: Pilot) -> None:
    low, middle, high = pilot.thresholds.strength
    assert [pilot.strength(score) for score in (0.0, low, middle, high, 1.0)] == [1, 2, 3, 4, 4]
    assert all(pilot.label("strength", str(step)) for step in (1, 2, 3, 4))


def test_another_city_is_another_file(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text(CITY, encoding="utf-8")
    city = load_pilot(file)
    assert city.city.name == "示例市"
    assert city.sector("机械")
    assert city.sector("化工") is None
    assert city.area("大港街") is None
    assert city.stage("质量")  # what a city does not say itself comes from the packaged file
    assert len(city.scenarios) == 0


def test_rules_of_rating_that_forget_a_kind_of_event_are_refused(tmp_path: Path) -> None:
    """Its events would count for nothing, and nobody would hear of it."""
    whole = (DATA / "pilot.toml").read_text(encoding="utf-8")
    line = '  { kind = "acceptance", weight = 0.35 },\n'
    assert line in whole
    folder = shutil.copytree(DATA, tmp_path / "data", ignore=shutil.ignore_patterns("demo"))
    file = folder / "pilot.toml"
    file.write_text(whole.replace(line, ""), encoding="utf-8")
    with pytest.raises(PilotError, match=r"rating.*says nothing of acceptance"):
        load_pilot(file)


def test_a_city_may_change_the_labels_of_one_noun(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    label = '[labels.import]\ndone = { word = "导好了", tone = "good", en = "Done" }'
    file.write_text(f"{CITY}\n{label}\n", encoding="utf-8")
    city = load_pilot(file)
    assert city.label("import", "done") == ("导好了", "good")
    assert city.label("import", "failed") is None
    assert city.label("provider", "admitted") == ("已入库", "good")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('zone = "Asia/Shanghai"', 'zone = "Mars/North"', "pilot.zone"),
        ('zone = "Asia/Shanghai"', "", "pilot.zone"),
        ('kind = "park"', 'kind = "lake"', "areas.north.kind"),
        ('kind = "park"', 'kind = "park"\nparent = "south"', "areas.north.parent"),
        ('kind = "park"', 'kind = "park"\ncolour = "red"', "areas[1].colour"),
        ('key = "mach"', 'key = "Mach 1"', "sectors[1].key"),
        ('code = "342"', 'code = "352"', "sectors.mach"),
        ('short = "机械"', "short = 7", "sectors[1].short"),
        ("term_end = 2028-06-30", "term_end = 2020-06-30", "pilot.term_end"),
        ("[[areas]]", "[[parks]]", "areas"),
        ("[[areas]]", '[[areas]]\nkey = "other"\nname = "城北工业园"\nen = "N"\nkind = "park"\n[[areas]]', "areas[2]"),
        (
            "[pilot]",
            '[labels.provider]\nnew = { word = "新", tone = "pink", en = "New" }\n[pilot]',
            "labels.provider.new.tone",
        ),
        ("[pilot]", "[thresholds]\nstrength = [0.5]\npage_size = 1\n[pilot]", "thresholds.candidate_depth"),
        ("[pilot]", THRESHOLDS + "[pilot]", "thresholds.strength"),
        ("[pilot]", "[pilot", "file"),
    ],
)
def test_a_wrong_file_says_where_it_is_wrong(tmp_path: Path, old: str, new: str, key: str) -> None:
    file = tmp_path / "city.toml"
    file.write_text(CITY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PilotError) as caught:
        load_pilot(file)
    assert (caught.value.file, caught.value.key) == (file, key)
    assert caught.value.sentence


def test_a_mapping_to_nowhere_is_refused(tmp_path: Path) -> None:
    for name in ("pilot.toml", "scenarios.toml"):
        shutil.copy(DATA / name, tmp_path / name)
    (tmp_path / "scenario_mapping.toml").write_text('[mapping]\nX-1 = ["CH-99"]\n', encoding="utf-8")
    with pytest.raises(PilotError, match="CH-99"):
        load_pilot(tmp_path / "pilot.toml")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(PilotError, match=r"none\.toml"):
        load_pilot(tmp_path / "none.toml")
