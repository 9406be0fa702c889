"""The numbers as text for Prometheus (exposition format 0.0.4), written faster than the library does (O5).

The library makes the name and the labels of each line anew at each reading; here they are remembered, since a
site with many magnets has thousands of lines that differ only in their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from prometheus_client import Counter, Metric
from prometheus_client.utils import floatToGoString

_SHORT = 1_000_000.0  # the library writes larger ones with an exponent


class Collected(Protocol):
    """What the library collects from: a number of this process, or a registry of several."""

    def collect(self) -> Iterable[Metric]:
        """Return each family of numbers."""


class MetricsText:
    """Writes what is collected."""

    def __init__(self, collected: Iterable[Collected]) -> None:
        """Remember nothing yet."""
        self._collected = tuple(collected)
        self._beginnings: dict[tuple[str, ...], str] = {}  # of lines, by name and the values of labels

    def write(self) -> bytes:
        """Return the numbers as they are now."""
        lines: list[str] = []
        for it in self._collected:
            if isinstance(it, Counter):
                self._add_counter(it, lines)
            else:
                for family in it.collect():
                    self._add(family, lines)
        return "".join(lines).encode()

    def _add_counter(self, counter: Counter, lines: list[str]) -> None:
        """Add a counter of this process, without the library's three copies of each line."""
        (family,) = counter.describe()
        name = f"{family.name}_total"
        lines.append(_head(family))
        known = self._beginnings
        for values, child in list(counter._metrics.items()):  # noqa: SLF001 - the library tells no other way
            key = (name, *values)
            beginning = known.get(key)
            if beginning is None:
                labels = dict(zip(counter._labelnames, values, strict=True))  # noqa: SLF001 - same
                known[key] = beginning = _beginning(name, labels)
            lines.append(f"{beginning}{_number(child._value.get())}\n")  # type: ignore[attr-defined]  # noqa: SLF001 - same

    def _add(self, family: Metric, lines: list[str]) -> None:
        known = self._beginnings
        lines.append(_head(family))
        for sample in family.samples:
            labels = sample.labels
            key = (sample.name, *labels.values())
            beginning = known.get(key)
            if beginning is None:
                known[key] = beginning = _beginning(sample.name, labels)
            lines.append(f"{beginning}{_number(sample.value)}\n")


def _head(family: Metric) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return f"# HELP {name} {_escaped(family.documentation)}\n# TYPE {name} {family.type}\n"


def _number(value: float) -> str:
    if value.is_integer() and 0 <= value < _SHORT:
        return f"{int(value)}.0"
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]  # the library has no types there
    return text


def _beginning(name: str, labels: dict[str, str]) -> str:
    pairs = ",".join(f'{label}="{_escaped(value, quoted=True)}"' for label, value in sorted(labels.items()))
    return f"{name}{{{pairs}}} " if pairs else f"{name} "


def _escaped(text: str, *, quoted: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quoted else text
