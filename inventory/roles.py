"""What a file is to an inventory, by its path.

Every YAML file below `policies/`, `manifests/` and `bindings/` has to consist of manifests of our two kinds. Any other YAML file is read if a line of it
names our API group, so that no manifest lies about unseen, and then its documents of other kinds are passed over. Names that begin with a dot, what
`.oceanignore` excludes and files of other sorts are not part of an inventory; but whatever is called like a key is looked at.
"""

import re
from enum import Enum
from pathlib import PurePosixPath
from typing import Final

SETTINGS_FILE: Final = "ocean.yaml"
IGNORE_FILE: Final = ".oceanignore"

_MANIFEST_FOLDERS: Final = frozenset({"policies", "manifests", "bindings"})
_YAML: Final = frozenset({".yaml", ".yml"})
_LATER_FILES: Final = frozenset({"inventory.yaml", "inventory.yml"})
_LATER_FOLDERS: Final = frozenset({"group_vars", "host_vars"})
_LIKE_A_KEY: Final = re.compile(r"(?:.*\.)?(?:key|pem|kubeconfig|conf|env)|id_[a-z0-9_]+|token", re.IGNORECASE)


class Role(Enum):
    """What a file is to an inventory."""

    SETTINGS = "the settings"
    MANIFESTS = "manifests of our kinds and nothing else"
    OTHER_YAML = "manifests of our kinds, if it has any"
    LATER = "a part of the layout that this version does not know yet"
    LIKE_A_KEY = "not part of it, but perhaps a key"
    NOTHING = "not part of it"


def role_of(path: str) -> Role:
    """The role of the file at a path, which is relative to the inventory's root."""
    whole = PurePosixPath(path)
    top = whole.parts[0]
    is_yaml = whole.suffix in _YAML
    if path == SETTINGS_FILE:
        role = Role.SETTINGS
    elif path in _LATER_FILES or (top in _LATER_FOLDERS and len(whole.parts) > 1):
        role = Role.LATER
    elif is_yaml:
        role = Role.MANIFESTS if top in _MANIFEST_FOLDERS else Role.OTHER_YAML
    else:
        role = Role.LIKE_A_KEY if _LIKE_A_KEY.fullmatch(whole.name) else Role.NOTHING
    return role


def is_hidden(path: str) -> bool:
    """Whether a file, or a folder above it, has a name that begins with a dot."""
    return any(step.startswith(".") for step in path.split("/"))
