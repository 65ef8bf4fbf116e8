"""What files hold, remembered by the id of their blob, so that a poll parses only what a commit changed."""

from collections import OrderedDict

from inventory.documents import Content


class TextCache:
    """The most recently used texts up to a number of source bytes; parsed they take about fifteen times as much. For one thread at a time."""

    def __init__(self, max_bytes: int = 32 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._texts: OrderedDict[tuple[str, bool], tuple[Content, int]] = OrderedDict()

    def get(self, blob_id: str, *, is_ours_only: bool) -> Content | None:
        """The text of a blob as it was read for a place of this sort, if it is still remembered."""
        found = self._texts.get((blob_id, is_ours_only))
        if found is None:
            return None
        self._texts.move_to_end((blob_id, is_ours_only))
        return found[0]

    def put(self, blob_id: str, content: Content, size: int, *, is_ours_only: bool) -> None:
        """Remember a text whose source has `size` bytes, and forget the longest unused ones that no longer fit."""
        _, before = self._texts.pop((blob_id, is_ours_only), (None, 0))
        self._texts[blob_id, is_ours_only] = (content, size)
        self._bytes += size - before
        while self._bytes > self._max_bytes:
            _, (_, freed) = self._texts.popitem(last=False)
            self._bytes -= freed
