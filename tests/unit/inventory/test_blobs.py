import os
from pathlib import Path

import pytest

from inventory.blobs import BlobKind, blobs_in


def test_a_folder_is_listed_in_order_without_hidden_folders(tmp_path: Path) -> None:
    for path in ("b.yaml", "a/c.yaml", ".git/config", "a/.x/y.yaml", ".oceanignore"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")

    assert [blob.path for blob in blobs_in(tmp_path)] == [".oceanignore", "b.yaml", "a/c.yaml"]


def test_entries_are_called_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside.yaml").write_text("x")
    (tmp_path / "to-folder").symlink_to("folder")
    (tmp_path / "to-file").symlink_to("folder/inside.yaml")
    (tmp_path / "to-nothing").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")

    assert {blob.path: blob.kind for blob in blobs_in(tmp_path)} == {
        "folder/inside.yaml": BlobKind.FILE,
        "to-folder": BlobKind.SYMLINK,
        "to-file": BlobKind.SYMLINK,
        "to-nothing": BlobKind.SYMLINK,
        "pipe": BlobKind.OTHER,
    }


def test_reading_stops_where_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    (blob,) = blobs_in(tmp_path)

    assert (blob.size, blob.read(4), blob.read(100)) == (10, b"0123", b"0123456789")


def test_a_link_that_took_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (blob,) = blobs_in(tmp_path)
    (tmp_path / "a").unlink()
    (tmp_path / "a").symlink_to("/etc/passwd")

    with pytest.raises(OSError, match=r"symbolic|links"):
        blob.read(10)


def test_a_folder_that_is_not_there_is_an_error_and_not_empty(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(blobs_in(tmp_path / "nowhere"))


def test_a_name_that_is_not_utf_8_can_be_shown(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff.yaml", os.O_CREAT | os.O_WRONLY))

    (blob,) = blobs_in(tmp_path)
    assert blob.path == "�.yaml"
    assert blob.read(1) == b""
