"""Charts as inline SVG: drawn from numbers alone, coloured by the page's style, readable without colour."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from html import escape

import numpy as np

from abm_scoring.publish.report.figures import written
from abm_scoring.publish.report.parts import Bars, Format, Lines, Series
from abm_scoring.publish.words.numerals import NUMERALS

WIDTH = 640
_TOP, _RIGHT, _BOTTOM, _LEFT, _HEIGHT = 12, 16, 44, 74, 280
_LABELS, _BAR, _VALUES = 190, 26, 92
#: More labels than this do not fit under an axis; every k-th is written.
_TICKS = 9


def lines_svg(chart: Lines, currency: str = "", language: str = "en") -> str:
    """A line chart as `<svg>`."""
    known = _finite(v for s in chart.series for part in (s.values, s.low, s.high) if part is not None for v in part)
    numeric = all(isinstance(x, int | float) for x in chart.x) and len(chart.x) > 0
    at = np.asarray(chart.x, dtype=float) if numeric else np.arange(len(chart.x), dtype=float)
    across = _finite(at)
    if chart.diagonal:
        known, across = [*known, *across], [*across, *known]
    if not known or not across:
        return _svg(chart.title, 60, f'<text class="none" x="{WIDTH / 2}" y="34">{NUMERALS[language].missing}</text>')
    y_ticks = _ticks(min([*known, 0.0]), max(known))
    low, high = y_ticks[0], y_ticks[-1]
    left, right = min(across), max(across)
    x = _scale(left, right, _LEFT, WIDTH - _RIGHT)
    y = _scale(low, high, _HEIGHT - _BOTTOM, _TOP)
    body = [_grid(y_ticks, y, chart.format, language), _x_axis(chart, at, numeric, left, right, x, language)]
    if chart.diagonal:
        from_, to = max(left, low), min(right, high)
        body.append(f'<path class="diagonal" d="M{_n(x(from_))} {_n(y(from_))}L{_n(x(to))} {_n(y(to))}"/>')
    for i, series in enumerate(chart.series):
        body += [_band(series, i, at, x, y), _line(series, i, at, x, y)]
        body += _dots(chart, series, i, at, x, y, currency, language) if chart.markers else []
    return _svg(chart.title, _HEIGHT, "".join(body))


def bars_svg(chart: Bars, currency: str = "", language: str = "en") -> str:
    """A bar chart as `<svg>`."""
    height = _BAR * len(chart.labels) + 10
    whiskers = [v for part in (chart.low, chart.high) if part is not None for v in part]
    known = [*_finite(chart.values), *_finite(whiskers), 0.0]
    x = _scale(min(known), max(max(known), min(known) + 1e-12), _LABELS, WIDTH - _VALUES)
    rows = [_bar(chart, i, x, currency, language) for i in range(len(chart.labels))]
    zero = _n(x(0.0))
    return _svg(chart.title, height, "".join([*rows, f'<path class="axis" d="M{zero} 4V{height - 6}"/>']))


def _bar(chart: Bars, i: int, x: _Scale, currency: str, language: str) -> str:
    value, top = float(chart.values[i]), 5 + _BAR * i
    label, text = str(chart.labels[i]), written(value, chart.format, currency, language)
    short = label if len(label) <= 30 else label[:29] + "…"
    parts = [
        f'<text class="label" x="{_LABELS - 8}" y="{top + 15}">{escape(short)}<title>{escape(label)}</title></text>'
    ]
    end = x(0.0)
    if math.isfinite(value):
        left, right = sorted((x(0.0), x(value)))
        end = right
        parts.append(
            f'<rect class="bar" x="{_n(left)}" y="{top + 3}" width="{_n(max(right - left, 0.5))}" height="{_BAR - 8}">'
            f"<title>{escape(f'{label}: {text}')}</title></rect>"
        )
    if (
        chart.low is not None
        and chart.high is not None
        and math.isfinite(chart.low[i])
        and math.isfinite(chart.high[i])
    ):
        a, b, middle = x(chart.low[i]), x(chart.high[i]), top + 12
        end = max(end, b)
        parts.append(f'<path class="whisker" d="M{_n(a)} {middle}H{_n(b)}M{_n(a)} {top + 7}v10M{_n(b)} {top + 7}v10"/>')
    parts.append(f'<text class="value" x="{_n(end + 6)}" y="{top + 16}">{escape(text)}</text>')
    return "".join(parts)


class _Scale:
    """A linear map of values onto the drawing."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._start = low, start
        # Of a span that is hardly a number, the width divided by it is none.
        self._step = (end - start) / (high - low) if high - low > 1e-300 else 0.0

    def __call__(self, value: float) -> float:
        return self._start + (value - self._low) * self._step


_scale = _Scale


def _ticks(low: float, high: float) -> list[float]:
    """Five or so round values that hold both ends."""
    span = (high - low) or abs(high) or 1.0
    rough = span / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1, 2, 2.5, 5, 10) if k * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [k * step for k in range(first, max(last, first + 1) + 1)]


def _grid(ticks: Sequence[float], y: _Scale, format: Format, language: str) -> str:
    parts = []
    for tick in ticks:
        at = _n(y(tick))
        parts.append(f'<path class="grid" d="M{_LEFT} {at}H{WIDTH - _RIGHT}"/>')
        parts.append(
            f'<text class="tick" x="{_LEFT - 8}" y="{_n(y(tick) + 4)}">{escape(_tick(tick, format, language))}</text>'
        )
    return "".join(parts)


def _tick(value: float, format: Format, language: str) -> str:
    numerals = NUMERALS[language]
    if format == "percent":
        return numerals.localised(f"{100 * value:g}") + numerals.percent
    return numerals.localised(f"{round(value, 9):,g}" if abs(value) < 1e5 else f"{value:,.0f}")


def _x_axis(chart: Lines, at: np.ndarray, numeric: bool, left: float, right: float, x: _Scale, language: str) -> str:
    bottom = _HEIGHT - _BOTTOM + 18
    if numeric:
        marks = [(t, _tick(t, "number", language)) for t in _ticks(left, right) if left <= t <= right]
    else:
        every = max(1, math.ceil(len(at) / _TICKS))
        marks = [(float(i), str(label)) for i, label in enumerate(chart.x) if i % every == 0]
    texts = [f'<text class="under" x="{_n(x(t))}" y="{bottom}">{escape(label)}</text>' for t, label in marks]
    name = f'<text class="under" x="{(WIDTH + _LEFT) / 2:g}" y="{bottom + 18}">{escape(chart.x_name)}</text>'
    return "".join([*texts, name if chart.x_name else ""])


def _band(series: Series, i: int, at: np.ndarray, x: _Scale, y: _Scale) -> str:
    if series.low is None or series.high is None:
        return ""
    low, high = np.asarray(series.low, dtype=float), np.asarray(series.high, dtype=float)
    parts = []
    for run in _runs(np.isfinite(low) & np.isfinite(high)):
        there = [f"{_n(x(at[k]))} {_n(y(high[k]))}" for k in run]
        back = [f"{_n(x(at[k]))} {_n(y(low[k]))}" for k in reversed(run)]
        parts.append(f'<path class="band s{i % 6}" d="M{"L".join([*there, *back])}Z"/>')
    return "".join(parts)


def _line(series: Series, i: int, at: np.ndarray, x: _Scale, y: _Scale) -> str:
    values = np.asarray(series.values, dtype=float)
    path = "".join(
        "M" + "L".join(f"{_n(x(at[k]))} {_n(y(values[k]))}" for k in run) for run in _runs(np.isfinite(values))
    )
    dashed = " dashed" if series.dashed else ""
    return f'<path class="line s{i % 6}{dashed}" d="{path}"/>' if path else ""


def _dots(
    chart: Lines, series: Series, i: int, at: np.ndarray, x: _Scale, y: _Scale, currency: str, language: str
) -> list[str]:
    values = np.asarray(series.values, dtype=float)
    said = partial(written, format=chart.format, currency=currency, language=language)
    return [
        f'<circle class="dot s{i % 6}" cx="{_n(x(at[k]))}" cy="{_n(y(values[k]))}" r="3">'
        f"<title>{escape(f'{series.name}, {x_}: {said(float(y_))}')}</title></circle>"
        for k, (x_, y_) in enumerate(zip(chart.x, values, strict=True))
        if math.isfinite(y_)
    ]


def _runs(mask: np.ndarray) -> list[list[int]]:
    """Consecutive places where a mask holds."""
    places = np.flatnonzero(mask)
    cuts = np.flatnonzero(np.diff(places) > 1) + 1
    return [part.tolist() for part in np.split(places, cuts) if len(part)]


def _finite(values: Iterable[float]) -> list[float]:
    return [float(v) for v in values if v is not None and math.isfinite(v)]


def _n(value: float) -> str:
    """A coordinate to a tenth of a pixel, without a sign on zero."""
    return f"{round(value, 1) + 0.0:g}"


def _svg(title: str, height: float, body: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(title)}">{body}</svg>'
