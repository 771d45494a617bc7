"""Write the vectors of the known problems for the built-in embedder: `python tools/pack_known_problems.py` (minutes).

The recommender ships them, so that a new site need not embed 2,400 texts at its first start.
"""

import numpy as np

from indexer.embedding import EmbeddingStore, open_embedder
from recommender.known_problems import DATA, read_symptoms


def main() -> None:
    """Embed the statements as queries and the blurbs as passages; half precision is enough for cosines."""
    symptoms, store = read_symptoms(), EmbeddingStore(open_embedder("builtin"), bulk=True)
    np.savez_compressed(
        DATA / "known_problems_domain.npz",
        space=np.array(store.space),
        digest=np.array(symptoms.digest),
        problems=store.queries(symptoms.problems).astype(np.float16),
        blurbs=store.passages(symptoms.blurbs).astype(np.float16),
    )


if __name__ == "__main__":
    main()
