"""What expressions may ask about a case: the keys of ``case``, as ``CaseHost.facts`` gives them."""

from __future__ import annotations

FACTS = frozenset(
    {
        "number", "kind", "class_code", "subclass_code", "full_code", "condition_no", "condition", "urgent", "source",
        "area_class", "grid", "duty_grid", "community", "subdistrict", "district", "has_phone", "self_handled",
        "duty_code", "owner_department", "duty_department", "territory_department", "fallback_department",
        "lead_department", "units", "extensions", "suspensions", "reworks", "returns", "supervisions", "appeals",
        "limit", "overdue", "over_percent", "status",
    }
)  # fmt: skip
