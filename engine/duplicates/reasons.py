"""Why two cases may be one, in words: "32 米，同类，2 小时前，'井盖缺失'"."""

from __future__ import annotations

from engine.duplicates.finding import CONFUSABLE, OTHER_CLASS, SAME_CLASS, SAME_SUBCLASS, Likely

QUOTED = 24
"""Letters of the other description that are quoted."""
ALIKE, RATHER = 0.6, 0.3
CLASSES = {
    SAME_SUBCLASS: ("同类", "same class"),
    CONFUSABLE: ("易混类别", "a class often taken for it"),
    SAME_CLASS: ("同大类", "same main class"),
    OTHER_CLASS: ("不同类别", "another class"),
}


def explain(found: Likely, language: str = "zh") -> str:
    """Distance, class, time and text, and what its state adds."""
    parts = [where(found, language), CLASSES[found.class_part][language != "zh"], when(found, language)]
    if found.text_likeness is not None:
        parts.append(wording(found, language))
    parts.append(quoted(found.description, language))
    if found.status == "closed":
        parts.append("已结案" if language == "zh" else "closed since")
    return ("，" if language == "zh" else ", ").join(part for part in parts if part)


def where(found: Likely, language: str) -> str:
    """The distance, or that it is the same component."""
    if found.same_component:
        return "同一部件" if language == "zh" else "the same component"
    return f"{found.distance_m:.0f} 米" if language == "zh" else f"{found.distance_m:.0f} m"


def when(found: Likely, language: str) -> str:
    """How long before or after this report the other one came."""
    hours = abs(found.hours_before)
    if hours < 1 / 60:
        return "同时上报" if language == "zh" else "reported at the same time"
    if hours < 1:
        span, span_en = f"{hours * 60:.0f} 分钟", f"{hours * 60:.0f} min"
    elif hours < 48:
        span, span_en = f"{hours:.0f} 小时", f"{hours:.0f} h"
    else:
        span, span_en = f"{hours / 24:.0f} 天", f"{hours / 24:.0f} days"
    earlier = found.hours_before >= 0
    if language == "zh":
        return f"早 {span}上报" if earlier else f"晚 {span}上报"
    return f"reported {span_en} {'before' if earlier else 'after'}"


def wording(found: Likely, language: str) -> str:
    """How alike the descriptions are."""
    alike = found.text_likeness or 0.0
    if alike >= ALIKE:
        return "描述相近" if language == "zh" else "told alike"
    if alike >= RATHER:
        return "描述部分相同" if language == "zh" else "told partly alike"
    return "描述不同" if language == "zh" else "told differently"


def quoted(text: str, language: str) -> str:
    """The beginning of the other description."""
    short = " ".join(text.split())
    if not short:
        return ""
    short = short if len(short) <= QUOTED else short[:QUOTED] + "…"
    return f"“{short}”" if language == "zh" else f'"{short}"'
