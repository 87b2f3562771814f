"""The checksum that every stored byte is covered by."""

from __future__ import annotations

import google_crc32c

CHECKSUM_BYTES = 4


def checksum(data: bytes) -> bytes:
    """CRC-32C of `data`, four bytes little-endian, as Zarr's crc32c codec appends it."""
    return int(google_crc32c.value(data)).to_bytes(CHECKSUM_BYTES, "little")
