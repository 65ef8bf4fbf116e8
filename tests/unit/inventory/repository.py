"""An inventory in memory, for tests: paths and texts instead of a folder."""

from collections.abc import Iterator, Mapping
from functools import partial

from inventory.blobs import Blob, BlobKind
from inventory.cache import TextCache
from inventory.errors import Problem
from inventory.load import load
from inventory.model import Inventory

BINDING = """\
apiVersion: cloud.tencent.com/v1beta1
kind: ClusterBinding
metadata:
  name: {name}
spec:
  clusterID: {name}
  secretRef: {{name: {name}-kubeconfig, namespace: kubeocean-system}}
  mountNamespace: kubeocean-worker
"""

POLICY = """\
apiVersion: cloud.tencent.com/v1beta1
kind: ResourceLeasingPolicy
metadata:
  name: {name}
spec:
  cluster: {cluster}
"""


def binding(name: str, extra: str = "") -> str:
    """A minimal binding, with further lines of its spec."""
    return BINDING.format(name=name) + extra


def policy(name: str, cluster: str, extra: str = "") -> str:
    """A minimal policy, with further lines of its spec."""
    return POLICY.format(name=name, cluster=cluster) + extra


def blobs(files: Mapping[str, str | bytes]) -> Iterator[Blob]:
    """Files that are what they say."""
    for path, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        yield Blob(path, BlobKind.FILE, len(data), partial(_head, data))


def _head(data: bytes, limit: int) -> bytes:
    return data[:limit]


def read(files: Mapping[str, str | bytes]) -> tuple[Inventory | None, tuple[Problem, ...]]:
    """What `load` makes of these files."""
    return load(blobs(files), TextCache())


def problems(files: Mapping[str, str | bytes]) -> list[str]:
    """Every problem as `file:line:column code`."""
    return [f"{problem.at} {problem.code}" for problem in read(files)[1]]
