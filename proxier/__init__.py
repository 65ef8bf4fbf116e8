"""Plays the kubelet of every vnode (a later capability; its place in the layers is kept)."""
