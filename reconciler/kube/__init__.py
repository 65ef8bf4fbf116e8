"""Kubernetes as the reconciler sees it: client, watches, caches, queue; it knows no oceans."""
