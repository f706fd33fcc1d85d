"""Sentences whose numbers are filled from the registry, in both languages from the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aidlib.reference import message, problem
from aidlib.report import registry
from aidlib.report.content import Content, Item, Limits, Sentence


def fill(sentence: Sentence | Limits, contents: Sequence[Content], language: str) -> str:
    """``sentence`` in ``language`` with its numbers.

    A sentence that names a withheld number is replaced whole by the standard sentence with the reason; one that names
    a result the source cannot give is "" (the result's own Absent says so). Raises Problem for an unknown name.
    """
    text: str = getattr(sentence, language)
    names = registry.references(text)
    found = {name.text: registry.find(name, contents) for name in names if name.form}
    reasons = [place.reason for place in found.values() if place.reason]
    if "absent" in reasons:
        return ""
    if reasons:
        return message(f"report.withheld_{reasons[0]}", language)
    return registry.substitute(text, {name.text: _written(name, found, contents, language) for name in names})


def fill_content(content: Content) -> Content:
    """``content`` with every sentence filled. Sentences without a number to tell, and repeated ones, are left out."""
    items: list[Item] = []
    for item in content.items:
        if isinstance(item, Sentence | Limits):
            item = replace(item, zh=fill(item, [content], "zh"), en=fill(item, [content], "en"))
            if not item.zh or item in items[-1:]:
                continue
        items.append(item)
    return replace(content, items=tuple(items))


def fill_findings(findings: Sequence[Sentence], contents: Sequence[Content]) -> tuple[Sentence, ...]:
    """The key findings, filled; one that names a withheld or absent number is dropped."""
    told = [sentence for sentence in findings if not withheld(sentence, contents)]
    return tuple(Sentence(fill(sentence, contents, "zh"), fill(sentence, contents, "en")) for sentence in told)


def withheld(sentence: Sentence | Limits, contents: Sequence[Content]) -> str:
    """Why ``sentence`` cannot be told: "absent", a flag of Estimates, or "" if all its numbers are published."""
    found = (registry.find(name, contents) for name in registry.references(sentence.zh) if name.form)
    return next((place.reason for place in found if place.reason), "")


def check(sentence: Sentence | Limits, contents: Sequence[Content]) -> None:
    """Check that both languages are there and name the same numbers, each of them one row of ``contents``.

    Raises Problem naming the reference.
    """
    numbers = []
    for language in ("zh", "en"):
        text = getattr(sentence, language)
        if not text.strip():
            raise problem("report.language_missing", place=(sentence.zh or sentence.en)[:40], missing=language)
        numbers.append({name.number for name in registry.references(text)})
    if numbers[0] != numbers[1]:
        odd = ", ".join(sorted(numbers[0] ^ numbers[1]))
        raise problem("report.languages_differ", references=odd)
    for language in ("zh", "en"):
        fill(sentence, contents, language)


def _written(
    name: registry.Reference, found: dict[str, registry.Found], contents: Sequence[Content], language: str
) -> str:
    if not name.form:
        return registry.parameter(name, contents, language)
    return registry.write(name, found[name.text], language)
