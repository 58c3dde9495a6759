"""What surrounds the sentences in one language: columns of the lists, codes in words, the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from abm_scoring.publish.words.grammar import Forms

#: Slots of the list that differ in their number only.
_NUMBERED = {"reason": 4, "negative_reason": 2}


@dataclass(frozen=True)
class Interface:
    """Everything that a reader sees beside reasons and names.

    Attributes:
        columns: Heading and meaning of each column of the lists.
        statuses: MQA states.
        rules: Why an account entered or left an MQA state.
        changes: What moved the score most, by `<kind>_up` and `<kind>_down`, with `{topic}`.
        trends: Directions of the score.
        rungs: Rungs of the model ladder.
        roles: Buying roles.
        stages: Steps of the funnel.
        page: Every other text of the page.
        counted: Texts of the page that agree with a number, `{n}`.
    """

    columns: Mapping[str, tuple[str, str]]
    statuses: Mapping[str, str]
    rules: Mapping[str, str]
    changes: Mapping[str, str]
    trends: Mapping[str, str]
    rungs: Mapping[str, str]
    roles: Mapping[str, str]
    stages: Mapping[str, str]
    page: Mapping[str, str]
    counted: Mapping[str, Forms]


def numbered(columns: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Columns with `reason_#` and `negative_reason_#` told once, their `#` filled in for every slot."""
    full: dict[str, tuple[str, str]] = {}
    for name, (heading, meaning) in columns.items():
        slots = _NUMBERED.get(name.removesuffix("_#"), 0) if name.endswith("_#") else 0
        if not slots:
            full[name] = heading, meaning
        for slot in map(str, range(1, slots + 1)):
            full[name.replace("#", slot)] = heading.replace("#", slot), meaning
    return full
