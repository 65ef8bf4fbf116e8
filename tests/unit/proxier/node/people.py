"""Two pods on a vnode, and what the worker calls them."""

from proxier.node.tenants import Name, Tenant, Tenants

WEB = Tenant(
    Name("app", "web", "aaaaaaaa-0000-0000-0000-000000000001"),
    Name("mount", "web-0123", "bbbbbbbb-0000-0000-0000-000000000001"),
)
DB = Tenant(
    Name("data", "db", "aaaaaaaa-0000-0000-0000-000000000002"),
    Name("mount", "db-4567", "bbbbbbbb-0000-0000-0000-000000000002"),
)
TENANTS = Tenants.of("vnode-c1-n1", "n1", (DB, WEB))
