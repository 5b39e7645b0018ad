"""A frontier the size of a stamp, as inline SVG: the path and its marks, without numbers or script.

Colours are the page's own variables, so the stamp follows the theme.
"""

from collections.abc import Sequence
from typing import TypedDict

WIDTH, HEIGHT, PADDING = 320.0, 150.0, 14.0


class ThumbnailPoint(TypedDict):
    """`alpha` is None for a checkpoint on no path; the rates are those of the frontier plot."""

    alpha: float | None
    optimisation_failure_rate: float
    correctness_failure_rate: float


def thumbnail(points: Sequence[ThumbnailPoint]) -> str:
    """An `<svg>` of the points, or an empty string when there are none."""
    if not points:
        return ""
    reach_x = max(max(point["optimisation_failure_rate"] for point in points) * 1.1, 0.1)
    reach_y = max(max(point["correctness_failure_rate"] for point in points) * 1.1, 0.1)

    def place(point: ThumbnailPoint) -> tuple[float, float]:
        return (
            PADDING + point["optimisation_failure_rate"] / reach_x * (WIDTH - 2 * PADDING),
            HEIGHT - PADDING - point["correctness_failure_rate"] / reach_y * (HEIGHT - 2 * PADDING),
        )

    path = sorted((point for point in points if point["alpha"] is not None), key=lambda point: point["alpha"] or 0.0)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, path))
    axes = f"M{PADDING:g} {PADDING / 2:g}V{HEIGHT - PADDING:g}H{WIDTH - PADDING / 2:g}"
    marks = "".join(_mark(point, *place(point)) for point in (*(p for p in points if p["alpha"] is None), *path))
    names = (
        f'<text x="{WIDTH - PADDING / 2:g}" y="{HEIGHT - 3:g}" text-anchor="end">slower →</text>'
        f'<text x="{PADDING + 4:g}" y="{PADDING / 2 + 4:g}">↑ more often wrong</text>'
    )
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="Frontier of {len(points)} checkpoints">'
        f'<path d="{axes}" fill="none" stroke="var(--line-strong)"/>'
        f'<polyline points="{line}" fill="none" stroke="var(--ink-3)" stroke-width="1.4"/>{marks}{names}</svg>'
    )


def _mark(point: ThumbnailPoint, x: float, y: float) -> str:
    if point["alpha"] is None:
        return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="var(--ink-3)"/>'
    colour = _ramp(point["alpha"])
    if point["alpha"] in (0.0, 1.0):
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="var(--card)" stroke="{colour}" stroke-width="1.6"/>'


def _ramp(alpha: float) -> str:
    share = min(max((alpha + 0.5) / 2, 0.0), 1.0)
    if share < 0.5:
        return f"color-mix(in srgb, var(--alpha-mid) {share * 200:.0f}%, var(--alpha-low))"
    return f"color-mix(in srgb, var(--alpha-high) {(share - 0.5) * 200:.0f}%, var(--alpha-mid))"
