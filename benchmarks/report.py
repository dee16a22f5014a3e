"""The table for people, the array for machines."""

from collections.abc import Iterable, Sequence

import msgspec

from benchmarks.figures import Figure, Series

HEADS = ("figure", "unit", "ours", "min–max", "floor", "min–max", "ratio", "budget", "met")


class Row(msgspec.Struct, frozen=True):
    """One figure for a machine: medians, and their ratio."""

    name: str
    ours: float
    floor: float | None
    ratio: float | None
    budget: str | None
    met: bool | None


def rows(figures: Iterable[Figure]) -> list[Row]:
    """Figures as the JSON array's rows."""
    return [
        Row(
            f"{figure.name} [{figure.unit}]",
            figure.ours.middle,
            None if figure.floor is None else figure.floor.middle,
            figure.ratio,
            None if figure.budget is None else str(figure.budget),
            figure.met,
        )
        for figure in figures
    ]


def table(figures: Sequence[Figure]) -> list[str]:
    """Figures as a Markdown table, columns aligned."""
    lines = [HEADS, *(_cells(figure) for figure in figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    shown = [_line(line, widths) for line in lines]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return [shown[0], rule, *shown[1:]]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    names = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "| " + " | ".join((*names, *numbers)) + " |"


def _cells(figure: Figure) -> tuple[str, ...]:
    ratio, met = figure.ratio, figure.met
    return (
        figure.name,
        figure.unit,
        *_series(figure.ours),
        *_series(figure.floor),
        "" if ratio is None else f"{ratio:.2f}",
        "" if figure.budget is None else str(figure.budget),
        "" if met is None else ("yes" if met else "NO"),
    )


def _series(series: Series | None) -> tuple[str, str]:
    if series is None:
        return "", ""
    return _number(series.middle), f"{_number(series.low)}–{_number(series.high)}"


def _number(value: float) -> str:
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}"
