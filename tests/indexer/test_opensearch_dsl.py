"""Requests → the engine's language, by equality; a thing → its stored form and back."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from indexer.analysis import Term
from indexer.backends import EngineError, Entry, Meta, Removal, Request
from indexer.backends import opensearch_dsl as dsl
from indexer.backends.opensearch_address import Address, address_of
from indexer.backends.opensearch_stored import document, entry_of, title_of
from indexer.query import FACETS, Condition, Kind, Range, Sort

PUBLIC = Condition(Kind.SCENARIO)
HIT = {"_source": False, "stored_fields": "_none_", "docvalue_fields": ["thing_id"], "seq_no_primary_term": True}
AUDIENCE = {"terms": {"audience": ["public"]}}


def test_a_condition_is_filters_and_nothing_else() -> None:
    condition = Condition(
        kind=Kind.SOLUTION,
        audience=frozenset({"public", "centre"}),
        without_providers=frozenset({9, 3}),
        without_ids=frozenset({7}),
        provider_id=5,
        filters=(("sector", ("chem", "auto")),),
        ranges=(("price", Range(1.0, 2.0)), ("weeks", Range(high=8))),
    )
    assert dsl.fulfilling(condition) == {
        "filter": [{"terms": {"audience": ["centre", "public"]}}, {"terms": {"sector": ["chem", "auto"]}}, {"term": {"provider_id": 5}}],
        "must_not": [
            {"terms": {"provider_id": [3, 9]}},
            {"terms": {"thing_id": [7]}},
            {"range": {"price_from": {"gt": 2.0}}},
            {"range": {"price_to": {"lt": 1.0}}},
            {"range": {"weeks_from": {"gt": 8}}},
        ],
    }


def test_words_are_looked_for_by_the_table_of_weights_phrases_in_words_only() -> None:
    terms = (Term(("泄漏",)), Term(("密封", "点"), 0.5), Term(("密封",), 0.25, "grams"))
    assert dsl.lexical(dsl.clauses(terms), dsl.fulfilling(PUBLIC), 30) == {
        "size": 30,
        "track_total_hits": False,
        **HIT,
        "query": {
            "bool": {
                "should": [
                    {"term": {"words": {"value": "泄漏", "boost": 1.0}}},
                    {"term": {"labels": {"value": "泄漏", "boost": 0.2}}},
                    {"match_phrase": {"words": {"query": "密封 点", "boost": 0.5}}},
                    {"term": {"grams": {"value": "密封", "boost": 0.25}}},
                ],
                "minimum_should_match": 1,
                "filter": [AUDIENCE],
            }
        },
    }


def test_no_words_find_nothing_and_too_many_are_cut() -> None:
    assert dsl.lexical((), dsl.fulfilling(PUBLIC), 30)["query"] == {"match_none": {}}
    many = tuple(Term((f"w{number}",), field="grams") for number in range(3000))
    assert len(dsl.clauses(many)) == dsl.MOST_CLAUSES


def test_a_vector_is_looked_for_among_what_fulfils_the_condition() -> None:
    assert dsl.dense(dsl.plain(np.array([0.5, -0.5], np.float32)), dsl.fulfilling(PUBLIC), 30) == {
        "size": 30,
        "track_total_hits": False,
        **HIT,
        "query": {
            "nested": {
                "path": "mains",
                "score_mode": "max",
                "query": {"knn": {"mains.vector": {"vector": [0.5, -0.5], "k": 30, "filter": {"bool": {"filter": [AUDIENCE]}}}}},
            }
        },
    }


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (Sort.RELEVANCE, {"references": {"order": "desc", "missing": 0}}),
        (Sort.REFERENCES, {"references": {"order": "desc", "missing": 0}}),
        (Sort.PRICE, {"price_from": {"order": "asc", "missing": "_last"}}),
        (Sort.WEEKS, {"weeks_from": {"order": "asc", "missing": "_last"}}),
    ],
)
def test_a_listing_has_its_order_and_all_columns(sort: Sort, order: dict[str, object]) -> None:
    body = dsl.listed(PUBLIC, sort)
    assert body["sort"] == [order, {"thing_id": "desc"}]
    assert body["size"] == 10_000
    assert set(FACETS[Kind.SCENARIO]) < set(body["docvalue_fields"])


def test_every_list_and_vector_is_asked_under_every_condition() -> None:
    narrow = Condition(Kind.SCENARIO, filters=(("sector", ("chem",)),))
    words, grams = (Term(("a",)),), (Term(("b",), field="grams"),)
    vectors = np.eye(2, dtype=np.float32)
    assert dsl.searches(Request(Kind.SCENARIO, (PUBLIC, narrow), (words, grams), vectors, depth=7)) == [
        body
        for condition in (PUBLIC, narrow)
        for body in (
            dsl.lexical(dsl.clauses(words), dsl.fulfilling(condition), 7),
            dsl.lexical(dsl.clauses(grams), dsl.fulfilling(condition), 7),
            dsl.dense([1.0, 0.0], dsl.fulfilling(condition), 7),
            dsl.dense([0.0, 1.0], dsl.fulfilling(condition), 7),
        )
    ]


def test_the_mapping_takes_nothing_unknown_and_says_what_it_was_made_with() -> None:
    found = dsl.mapping(Kind.PROBLEM, Meta(schema=1, analysis="a", space="s", dimension=3))
    assert found["dynamic"] == "strict"
    assert found["_meta"] == {"schema": 1, "analysis": "a", "space": "s", "dimension": 3}
    assert set(FACETS[Kind.PROBLEM]) < found["properties"].keys()
    assert found["properties"]["words"] == {"type": "text", "analyzer": "whitespace", "index_options": "positions"}
    assert found["properties"]["grams"]["index_options"] == "freqs"
    vector = found["properties"]["mains"]["properties"]["vector"]
    assert (vector["type"], vector["dimension"], vector["method"]["engine"]) == ("knn_vector", 3, "lucene")


def test_an_index_that_is_filled_has_no_copies_and_is_not_refreshed() -> None:
    assert dsl.settings(filling=True)["index"]["refresh_interval"] == "-1"
    assert dsl.settings(filling=True)["index"]["number_of_replicas"] == 0
    assert dsl.settings(filling=False)["index"]["auto_expand_replicas"] == "0-1"


def test_pages_go_on_after_the_last_id() -> None:
    assert "search_after" not in dsl.page((), None, 10)
    assert dsl.page(("title",), 42, 10) | {"search_after": [42], "docvalue_fields": ["title"]} == dsl.page(("title",), 42, 10)


def test_a_thing_is_read_back_as_it_was_stored() -> None:
    chance = np.random.default_rng(1)
    vectors = chance.standard_normal((5, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    entry = Entry(
        kind=Kind.SOLUTION,
        thing_id=7,
        version=3,
        provider_id=4,
        title="密封点",
        spelt=("mi", "feng", "dian"),
        tokens={"words": ("密封", "点"), "labels": (), "grams": ("密封",)},
        hashes=("a", "b", "c", "d", "e"),
        mains=2,
        vectors=vectors,
        keywords={"sector": ("chem", "auto")},
        numbers={"price_high": 5.0, "weeks_low": 2.0, "weeks_high": 4.0, "references": float("nan")},
        audience=("public",),
    )
    stored = orjson.loads(document(entry))
    assert (stored["words"], stored["grams"], stored["spelt"]) == ("密封 点", "密封", "mi feng dian")
    assert not {"labels", "references"} & stored.keys()
    # Of two figures one may be unsaid: the other is both ends.
    assert [stored[name] for name in ("price_from", "price_to", "weeks_from", "weeks_to")] == [5.0, 5.0, 2.0, 4.0]
    assert np.allclose([row["vector"] for row in stored["mains"]], vectors[:2])
    back = entry_of(Kind.SOLUTION, 7, stored, 8)
    assert (back.title, back.provider_id, back.mains) == ("密封点", 4, 2)
    assert {name: tuple(values) for name, values in back.keywords.items()} == dict(entry.keywords)
    assert back.numbers == {"price_high": 5.0, "weeks_low": 2.0, "weeks_high": 4.0}
    assert np.allclose(back.vectors, vectors, atol=0.005)


def test_a_thing_without_passages_and_a_removal() -> None:
    stored = orjson.loads(document(Entry(Kind.PROBLEM, 7, 3)))
    assert stored["mains"] == []
    assert entry_of(Kind.PROBLEM, 7, stored, 8).vectors.shape == (0, 8)
    assert orjson.loads(document(Removal(Kind.PROBLEM, 7, 3))) == {"thing_id": 7, "gone": True}


def test_a_title_is_made_of_columns() -> None:
    title = title_of({"title": ["密封点"], "spelt": ["mi feng dian"], "audience": ["public"], "provider_id": [4]})
    assert (title.text, title.spelt, title.initials, title.audience, title.provider_id) == ("密封点", "mifengdian", "mfd", ("public",), 4)
    assert title_of({"title": [""], "spelt": [""]}).initials == ""


def test_addresses() -> None:
    assert address_of("opensearch://localhost") == Address((("localhost", 9200),))
    assert address_of("opensearchs://me:p%40ss@search.example:9443/city-1?ca=/etc/ca.pem&timeout=5") == Address(
        (("search.example", 9443),), "city-1", is_secure=True, user="me", password="p@ss", ca="/etc/ca.pem", timeout=5.0
    )
    assert address_of("opensearch://one:9200,two,[::1]:9201/city").nodes == (("one", 9200), ("two", 9200), ("::1", 9201))
    assert "p@ss" not in address_of("opensearch://me:p%40ss@localhost").shown


@pytest.mark.parametrize(
    "url",
    [
        "opensearch://",
        "opensearch://host:99999",
        "opensearch://host/Bad",
        "opensearch://host/a/b",
        "open://host",
        "opensearch://one,two:x/a",
    ],
)
def test_wrong_addresses_are_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(EngineError, match=r"检索引擎地址|索引前缀"):
        address_of(url)
