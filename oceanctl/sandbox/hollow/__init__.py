"""A kubelet without containers: real towards the API server, pretending only what runs inside a pod."""
