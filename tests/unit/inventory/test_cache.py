from inventory.cache import TextCache
from inventory.documents import Content


def text(word: str) -> Content:
    return Content((word,))


def filled(cache: TextCache, *words: str) -> TextCache:
    for word in words:
        cache.put(word, text(word), 10, is_ours_only=True)
    return cache


def known(cache: TextCache, *words: str) -> list[str]:
    return [word for word in words if cache.get(word, is_ours_only=True) is not None]


def test_a_text_is_remembered_for_its_kind_of_place_only() -> None:
    cache = filled(TextCache(), "a")

    assert cache.get("a", is_ours_only=True) == text("a")
    assert cache.get("a", is_ours_only=False) is None


def test_the_longest_unused_text_makes_room() -> None:
    cache = filled(TextCache(max_bytes=30), "a", "b", "c")
    cache.get("a", is_ours_only=True)
    filled(cache, "d")

    assert known(cache, "a", "b", "c", "d") == ["a", "c", "d"]


def test_a_text_that_is_put_twice_counts_once() -> None:
    cache = filled(TextCache(max_bytes=30), "a", "a", "a", "b", "c")

    assert known(cache, "a", "b", "c") == ["a", "b", "c"]


def test_a_text_that_is_too_large_for_the_cache_is_not_kept() -> None:
    cache = TextCache(max_bytes=5)

    assert known(filled(cache, "a"), "a") == []
