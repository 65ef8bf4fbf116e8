"""The two changes that the demo commits, as pure edits of policy files; comments and order survive."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

_FAR_ENOUGH = timedelta(days=3)  # neither yesterday, today nor tomorrow in any time zone


def with_percent(text: str, resource: str, percent: int) -> str:
    """Every policy's limit of `resource` set to `percent`."""

    def edit(policy: Any) -> None:
        for limit in policy["spec"].get("resourceLimits", ()):
            if limit["resource"] == resource:
                limit["percent"] = percent

    return _edited(text, edit)


def closed(text: str, now: datetime) -> str:
    """Every policy open for one minute on a day that is far from now, so closed now and tomorrow, whatever the hour."""
    day = (now.astimezone(UTC) + _FAR_ENOUGH).strftime("%A")

    def edit(policy: Any) -> None:
        midnight = DoubleQuotedScalarString("00:00")  # bare, YAML 1.1 would read a number
        days = CommentedSeq([day])
        days.fa.set_flow_style()
        policy["spec"]["timeWindows"] = [{"start": midnight, "end": midnight, "days": days}]

    return _edited(text, edit)


def _edited(text: str, edit: Callable[[Any], None]) -> str:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # never fold a line
    yaml.indent(mapping=2, sequence=4, offset=2)
    policies = list(yaml.load_all(text))
    for policy in policies:
        edit(policy)
    out = io.StringIO()
    yaml.dump_all(policies, out)
    return out.getvalue()
