"""Chance that repeats: each part of a story draws from a source of its own, named by seed and part, so
that leaving one part out changes nothing for the others.
"""

import random

_PERCENT = 100


class Chance(random.Random):
    """A seeded source."""

    def happens(self, percent: int) -> bool:
        """So often in a hundred."""
        return self.randrange(_PERCENT) < percent
