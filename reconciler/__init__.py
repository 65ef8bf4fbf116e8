"""The in-cluster reconciler: keeps the computing cluster and its workers equal to the inventory."""
