"""All benchmarks, one after the other, with their results in bench/results: `python -m bench`."""

import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).with_name("results")
RUNS = (
    ("bench.quality", "--crossvalidate", "--ablation", "--json", str(RESULTS / "quality.json")),
    ("bench.search", "--vectors", "2500", "--vectors", "20000", "--vectors", "25000", "--vectors", "62500", "--embedding"),
    ("bench.rating", "--out", str(RESULTS / "rating.json")),
    ("bench.delivery", "--out", str(RESULTS / "delivery.json")),
    ("bench.pages",),
    ("bench.funds", "--out", str(RESULTS / "funds.json")),
    ("bench.clustering", "--out", str(RESULTS / "clustering.json")),
    ("bench.audit", "--out", str(RESULTS / "audit.json")),
    ("bench.plan", "--out", str(RESULTS / "plan.json")),
    ("bench.training", "--out", str(RESULTS / "training.json")),
    ("bench.learners", "--out", str(RESULTS / "learners.json")),
    ("bench.peers", "--out", str(RESULTS / "peers.json")),
)
SCALE = (
    "tools/opensearch",
    "run",
    "--heap",
    "1g",
    "--",
    sys.executable,
    "-m",
    "bench.opensearch",
    "--things",
    "10000",
    "--things",
    "100000",
)


def main() -> int:
    """Run them; the exit code says whether all came through."""
    RESULTS.mkdir(exist_ok=True)
    failed = 0
    for run in RUNS:
        print(f"\n== python -m {' '.join(run)}", flush=True)
        failed += subprocess.run([sys.executable, "-m", *run], check=False).returncode != 0
    print(f"\n== {' '.join(SCALE)}", flush=True)
    failed += subprocess.run(SCALE, check=False).returncode != 0
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
