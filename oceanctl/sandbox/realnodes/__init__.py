"""Real nodes on this machine: namespaces on a bridge, each with its own containerd and kubelet. Needs root."""
