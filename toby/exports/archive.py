"""Writes a ZIP of JSON piece by piece, so that no export is ever whole in memory."""

import io
import zipfile
from collections.abc import Iterable
from typing import Any

import msgspec

from toby.exports.models import Export, ExportPiece

# Well under the smallest max_allowed_packet.
PIECE_BYTES = 256 * 1024

# A file of the archive: its name, and its rows.
File = tuple[str, Iterable[Any]]


class Pieces(io.RawIOBase):
    """A file that is written from its beginning to its end, and stored as rows."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.size_bytes = self.stored = 0
        self.buffer = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.buffer += content
        self.size_bytes += len(content)
        while len(self.buffer) >= PIECE_BYTES:
            self.store(PIECE_BYTES)
        return len(content)

    def store(self, size_bytes: int) -> None:
        content = bytes(self.buffer[:size_bytes])
        ExportPiece.objects.create(export=self.export, number=self.stored, content=content)
        del self.buffer[:size_bytes]
        self.stored += 1

    def finish(self) -> None:
        if self.buffer:
            self.store(len(self.buffer))


def write_archive(export: Export, files: Iterable[File]) -> int:
    """Stores a ZIP with a JSON list a file, a row a line; returns its size in bytes."""
    pieces = Pieces(export)
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in files:
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(b"[")
                for number, row in enumerate(rows):
                    file.write((b",\n" if number else b"\n") + msgspec.json.encode(row))
                file.write(b"\n]\n")
    pieces.finish()
    return pieces.size_bytes
