"""Both kinds and `ocean.yaml`, field by field, once: validation, conversion and the test of the CRDs all read these tables.

The defaults stand in model.py only; the CRDs repeat them for the API server, and a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from inventory import names
from inventory.checks import (
    check_binding,
    check_expression,
    check_field,
    check_limit,
    check_metadata,
    check_policy,
    check_selector,
    check_term,
    day,
    instant,
    rfc3339,
    seconds,
    whole_seconds,
    zone_name,
)
from inventory.fields import Amount, Block, Field, Flag, ListOf, MapOf, Text, Type, Whole
from inventory.model import Binding, Guards, Limit, NodeSelector, Policy, Requirement, SecretRef, SelectorTerm, Window
from inventory.windows import DAYS, format_time, parse_time

_INT32: Final = 2**31 - 1
_LABEL: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"

DNS_LABEL: Final = Text("a DNS label: lower-case letters, digits and '-'", f"^{_LABEL}$", 63)
DNS_NAME: Final = Text("a DNS name: lower-case letters, digits, '-' and '.'", f"^{_SUBDOMAIN}$", 253)
CLUSTER_ID: Final = Text("at most 24 lower-case letters, digits and '-'", f"^{_LABEL}$", 24)
QUALIFIED_NAME: Final = Text(
    "a name like 'cpu' or 'nvidia.com/gpu'", rf"^({_SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", 317
)
LABEL_VALUE: Final = Text(
    "at most 63 letters, digits, '-', '_' and '.'", r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", 63
)
OPERATOR: Final = Text("an operator", choices=("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))
START: Final = Text(
    "a time of day, HH:MM", "^([01][0-9]|2[0-3]):[0-5][0-9]$", parse=partial(parse_time, is_end=False), show=format_time
)
END: Final = Text(
    "a time of day, HH:MM or 24:00",
    "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
    parse=partial(parse_time, is_end=True),
    show=format_time,
)
DAY: Final = Text(
    "an English weekday",
    "^(?i:monday|tuesday|wednesday|thursday|friday|saturday|sunday)$",
    parse=day,
    show=DAYS.__getitem__,
)
ZONE: Final = Text("an IANA time zone", max_length=255, parse=zone_name)
INSTANT: Final = Text("an RFC 3339 instant like 2026-12-31T18:00:00Z", parse=instant, show=rfc3339)
SECONDS: Final = Whole(0, _INT32, parse=seconds, show=whole_seconds)
PERCENT: Final = Whole(0, 100)


def _requirement(check: Any) -> Block:
    return Block(
        {
            "key": Field(QUALIFIED_NAME, "key", required=True),
            "operator": Field(OPERATOR, "operator", required=True),
            "values": Field(ListOf(Text()), "values"),
        },
        Requirement,
        check,
    )


NODE_SELECTOR: Final = Block(
    {
        "nodeSelectorTerms": Field(
            ListOf(
                Block(
                    {
                        "matchExpressions": Field(ListOf(_requirement(check_expression)), "expressions"),
                        "matchFields": Field(ListOf(_requirement(check_field)), "fields"),
                    },
                    SelectorTerm,
                    check_term,
                )
            ),
            "terms",
            required=True,
        )
    },
    NodeSelector,
    check_selector,
)

SECRET_REF: Final = Block(
    {
        "name": Field(DNS_NAME, "name", required=True),
        "namespace": Field(DNS_LABEL, "namespace", required=True),
    },
    SecretRef,
)

BINDING_SPEC: Final = Block(
    {
        "clusterID": Field(CLUSTER_ID, "cluster_id", required=True),
        "secretRef": Field(SECRET_REF, "secret_ref", required=True),
        "mountNamespace": Field(DNS_LABEL, "mount_namespace", required=True),
        "nodeSelector": Field(NODE_SELECTOR, "node_selector"),
        "serviceNamespaces": Field(ListOf(DNS_LABEL), "service_namespaces"),
        "disableNodeDefaultTaint": Field(Flag(), "disable_node_default_taint"),
        "podPriorityClassName": Field(DNS_NAME, "pod_priority_class_name"),
        "runningDaemonsetByDefault": Field(Flag(), "running_daemonset_by_default"),
        "directScheduling": Field(Flag(), "direct_scheduling"),
        "suspend": Field(Flag(), "suspend"),
        "clusterDomain": Field(DNS_NAME, "cluster_domain"),
        "unplacedTimeoutSeconds": Field(SECONDS, "unplaced_timeout"),
    },
    dict,
    check_binding,
)

WINDOW: Final = Block(
    {
        "start": Field(START, "start", required=True),
        "end": Field(END, "end", required=True),
        "days": Field(ListOf(DAY), "days"),
    },
    lambda start, end, days=(): Window(start, end, frozenset(days)),
)

LIMIT: Final = Block(
    {
        "resource": Field(QUALIFIED_NAME, "resource", required=True),
        "quantity": Field(Amount(), "quantity"),
        "percent": Field(PERCENT, "percent"),
    },
    Limit,
    check_limit,
)

POLICY_SPEC: Final = Block(
    {
        "cluster": Field(DNS_NAME, "cluster", required=True),
        "nodeSelector": Field(NODE_SELECTOR, "node_selector"),
        "timeWindows": Field(ListOf(WINDOW), "windows"),
        "timeZone": Field(ZONE, "time_zone"),
        "resourceLimits": Field(ListOf(LIMIT, unique="resource", max_items=64), "limits"),
        "forceReclaim": Field(Flag(), "force_reclaim"),
        "gracefulReclaimPeriodSeconds": Field(SECONDS, "grace"),
        "noticeSeconds": Field(SECONDS, "notice"),
        "drainSeconds": Field(SECONDS, "drain"),
        "priority": Field(Whole(-_INT32 - 1, _INT32), "priority"),
        "expiresAt": Field(INSTANT, "expires_at"),
        "suspend": Field(Flag(), "suspend"),
        "yieldToOwner": Field(Flag(), "yield_to_owner"),
    },
    dict,
    check_policy,
    later=MappingProxyType({"clusters": "write one policy for each cluster, with 'cluster'"}),
)

_BY_CLUSTER: Final = "the cluster sets it; it has no effect in a file"
METADATA: Final = Block(
    {
        "name": Field(DNS_NAME, "name", required=True),
        "labels": Field(MapOf(QUALIFIED_NAME, LABEL_VALUE), "labels"),
        "annotations": Field(MapOf(QUALIFIED_NAME, Text()), "annotations"),
    },
    dict,
    check_metadata,
    ignored=MappingProxyType(
        {
            "namespace": "the kind is cluster-scoped; remove it",
            "creationTimestamp": _BY_CLUSTER,
            "generation": _BY_CLUSTER,
            "managedFields": _BY_CLUSTER,
            "resourceVersion": _BY_CLUSTER,
            "selfLink": _BY_CLUSTER,
            "uid": _BY_CLUSTER,
        }
    ),
)


def _document(kind: str, spec: Block, model: type[Binding] | type[Policy]) -> Block:
    def make(metadata: Mapping[str, Any], spec: Mapping[str, Any], **_: str) -> Binding | Policy:
        return model(name=metadata["name"], **spec)

    return Block(
        {
            "apiVersion": Field(Text(choices=(names.API_VERSION,)), "api_version", required=True),
            "kind": Field(Text(choices=(kind,)), "kind", required=True),
            "metadata": Field(METADATA, "metadata", required=True),
            "spec": Field(spec, "spec", required=True),
        },
        make,
        ignored=MappingProxyType({"status": _BY_CLUSTER}),
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """One of our kinds: its name, the table of its spec, and that of a whole file."""

    name: str
    spec: Block
    document: Block


BINDING: Final = Kind(names.BINDING_KIND, BINDING_SPEC, _document(names.BINDING_KIND, BINDING_SPEC, Binding))
POLICY: Final = Kind(names.POLICY_KIND, POLICY_SPEC, _document(names.POLICY_KIND, POLICY_SPEC, Policy))
KINDS: Final = MappingProxyType({kind.name: kind for kind in (BINDING, POLICY)})

SETTINGS: Final[Type] = Block(
    {
        "version": Field(Whole(1, 1), "version"),
        "inventory": Field(Block({"id": Field(DNS_LABEL, "id", required=True)}, dict), "inventory"),
        "guards": Field(
            Block(
                {
                    "maxDelete": Field(Whole(0, _INT32), "max_delete"),
                    "maxDeletePercent": Field(PERCENT, "max_delete_percent"),
                    "approve": Field(ListOf(Text("a token", r"^sha256:[0-9a-f]{64}$")), "approve"),
                },
                Guards,
            ),
            "guards",
        ),
    },
    dict,
)
