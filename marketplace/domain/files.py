"""How much may be handed in, and which file may be given out."""

from __future__ import annotations

MEGABYTE = 2**20
# One application, one solution …
MOST_OF_A_THING = 100 * MEGABYTE
# All that an organisation keeps here, what was replaced since included.
MOST_OF_AN_ORGANISATION = 1024 * MEGABYTE
# What nothing speaks of any more is kept so long: somebody may be just about to attach it.
KEPT_DAYS = 7
# A scanner that has not answered for so long is somebody's business.
ALERT_MINUTES = 15
