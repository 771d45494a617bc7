"""A small corpus for the tests of the index: rows of the demonstration set in a migrated database, vectors cached on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from indexer.embedding import BuiltinEmbedder
from indexer.query import Vector
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.scenarios import ScenarioKind
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.index_queue import enqueue
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution

ROOT = Path(__file__).parents[2]
DEMONSTRATION = ROOT / "marketplace" / "data" / "demo"
CACHE = ROOT / ".test-cache" / "vectors"
SOLUTIONS, SCENARIOS, PROBLEMS = 24, 4, 5
WORDS = {"chem": "化工", "auto": "汽车", "elec": "电子", "harbour": "南港工业区"}


def labels(kind: str, key: str) -> str:
    return WORDS.get(key, key)


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMONSTRATION / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


class CachedEmbedder(BuiltinEmbedder):
    """The real embedder; what it computed once is read from the disk in the next run."""

    def __init__(self) -> None:
        self.computed = 0

    def queries(self, texts: Sequence[str]) -> Vector:
        return np.stack([self._cached("query", text) for text in texts])

    def passages(self, texts: Sequence[str]) -> Vector:
        return np.stack([self._cached("passage", text) for text in texts])

    def _cached(self, role: str, text: str) -> Vector:
        file = CACHE / f"{hashlib.sha256(f'{self.space} {role} {text}'.encode()).hexdigest()}.f4"
        if not file.exists():
            self.computed += 1
            one = super().queries([text]) if role == "query" else super().passages([text])
            CACHE.mkdir(parents=True, exist_ok=True)
            temporary = file.with_suffix(f".{id(self)}")
            temporary.write_bytes(one[0].astype("<f4").tobytes())
            temporary.replace(file)
        return np.frombuffer(file.read_bytes(), "<f4")


class HashedEmbedder:
    """Vectors without meaning, the same for the same text, at once: for tests of everything but meaning."""

    space = "hashed"
    dimension = 16

    def queries(self, texts: Sequence[str]) -> Vector:
        return self.passages(texts)

    def passages(self, texts: Sequence[str]) -> Vector:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") for text in texts]
        vectors = np.stack([np.random.default_rng(seed).standard_normal(self.dimension) for seed in seeds])
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def migrated(folder: Path) -> Database:
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    database.migrate()
    return database


def load(database: Database) -> None:
    """Some solutions, scenarios and problems of the demonstration set, all of them waiting in the queue."""
    solutions = rows("solutions")[:SOLUTIONS]
    codes = {row["provider_code"] for row in solutions}
    with database.writing() as session:
        providers: dict[str, Provider] = {}
        for row in rows("providers"):
            if row["code"] in codes:
                provider = Provider(
                    organisation=Organisation(credit_code=row["code"], name=row["name"]),
                    source="demo",
                    source_ref=row["code"],
                    kind=row["kind"],
                    region=row["region"],
                    local_office=row["local_office"],
                    local_commitment=row["local_service_commitment"],
                    sectors=row["sectors"],
                    qualifications=row["qualifications"],
                    summary=row["summary"],
                )
                session.add(provider)
                providers[row["code"]] = provider
        session.flush()
        for number, row in enumerate(solutions):
            session.add(
                Solution(
                    provider_id=providers[row["provider_code"]].id,
                    source="demo",
                    source_ref=row["id"],
                    title=row["title"],
                    form=row["form"],
                    sectors=row["sectors"],
                    orientations=row["orientations"],
                    stages=row["stages"],
                    summary=row["summary"],
                    solves=row["solves"],
                    technologies=row["technologies"],
                    # Every fifth price is open to negotiation.
                    price_low_fen=None if number % 5 == 0 else int(row["price_wan"][0] * 1_000_000),
                    price_high_fen=None if number % 5 == 0 else int(row["price_wan"][1] * 1_000_000),
                    weeks_low=row["delivery_weeks"][0],
                    weeks_high=row["delivery_weeks"][1],
                    references=row["references"],
                    interfaces=["OPC UA"] if number % 3 == 0 else [],
                )
            )
        for row in rows("scenarios")[:SCENARIOS]:
            session.add(
                Scenario(
                    source="demo",
                    source_ref=row["code"],
                    code=row["code"],
                    kind=ScenarioKind.TYPICAL,
                    sector=row["sector"],
                    name=row["name"],
                    description=row["description"],
                    stage=row["stage"],
                    orientations=row["orientations"],
                    typical_problems=row["typical_problems"],
                    typical_solutions=row["typical_solutions"],
                )
            )
        enterprises = {row["code"]: row for row in rows("enterprises")}
        known: dict[str, Enterprise] = {}
        for number, row in enumerate(rows("problems")[:: 252 // PROBLEMS][:PROBLEMS]):
            code = row["enterprise_code"]
            if code not in known:
                known[code] = Enterprise(
                    organisation=Organisation(credit_code=code, name=enterprises[code]["name"]),
                    source="demo",
                    source_ref=code,
                    sector=enterprises[code]["sector"],
                    area="harbour",
                )
            state = DiagnosisState.DRAFTED if number == 0 else DiagnosisState.ISSUED
            session.add(
                Problem(
                    enterprise=known[code],
                    diagnosis=Diagnosis(enterprise=known[code], source="demo", source_ref=row["id"], state=state),
                    source="demo",
                    source_ref=row["id"],
                    text=f"{enterprises[code]['name']}在南港工业区：{row['text']}",
                    stage=row["stage"],
                    orientation=row["orientation"],
                    priority="high",
                    budget_low_fen=12_345_600,
                    budget_high_fen=65_432_100,
                )
            )
        session.flush()
        enqueue(session, "solution", [row[0] for row in session.query(Solution.id)])
        enqueue(session, "scenario", [row[0] for row in session.query(Scenario.id)])
        enqueue(session, "problem", [row[0] for row in session.query(Problem.id)])
        enqueue(session, "provider", [row[0] for row in session.query(Provider.id)])
