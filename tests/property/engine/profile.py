"""How long the state machines run: ``PHALANX_SOAK=50`` runs fifty times as many examples."""

import os

from hypothesis import HealthCheck, settings

SOAK = int(os.environ.get("PHALANX_SOAK", "1"))


def profile(examples: int, steps: int = 50) -> settings:
    """So many examples of so many steps, more of them in a soak."""
    return settings(
        max_examples=examples * SOAK,
        stateful_step_count=steps,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
