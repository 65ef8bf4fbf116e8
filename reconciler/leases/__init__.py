"""Keeps the node Leases of vnodes renewed."""
