"""What a kubelet tells of its node, told of a vnode: only what is about its own pods, under the names that they have in the computing cluster."""
