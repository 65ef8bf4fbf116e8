"""Worker nodes become vnodes: selection, capacity, taints, status."""
