"""Inputs drawn from hypothesis strategies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["examples", "has_strategies"]

COUNT = 5


def examples(inputs: Mapping[str, Any], seed: int) -> Iterator[Mapping[str, Any]]:
    """The inputs, or examples of them if some are strategies.

    Up to `COUNT` examples are drawn. Those without any records are left out.

    Args:
        inputs: the records of each input, or a strategy for them, by input name.
        seed: the seed of the draw.
    """
    if not has_strategies(inputs):
        yield inputs
        return
    from hypothesis import HealthCheck, Phase, given, settings, strategies
    from hypothesis import seed as seeded

    every = strategies.fixed_dictionaries(
        {
            name: one if _is_strategy(one) else strategies.just(one)
            for name, one in inputs.items()
        }
    )
    drawn: list[Mapping[str, Any]] = []

    @seeded(seed)
    @settings(
        max_examples=COUNT,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(every)
    def draw(example: Mapping[str, Any]) -> None:
        if any(example.values()):
            drawn.append(example)

    draw()
    yield from drawn


def has_strategies(inputs: Mapping[str, Any]) -> bool:
    """Whether any input is a strategy."""
    return any(map(_is_strategy, inputs.values()))


def _is_strategy(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "hypothesis"
