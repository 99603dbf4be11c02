"""A row back as YAML, for people and for the run's folder."""

from __future__ import annotations

import yaml

from soccerbench.specs.spotting import Row
from soccerbench.specs.video_models import ExtractorRow


def spec_text(row: Row | ExtractorRow) -> str:
    """A row as YAML: what is stated first, then what is assumed with its reasons, then what is published."""
    values = row.model_dump(mode="json")
    reasons = values.pop("assumed") | values.pop("left_open", {})
    published = values.pop("published")
    stated = {key: value for key, value in values.items() if key not in reasons and value not in (None, [], {})}
    assumed = {
        key: {"value": values[key], "why": why} if key in values else {"why": why} for key, why in reasons.items()
    }
    content = {**stated, "assumed": assumed, "published": published}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
