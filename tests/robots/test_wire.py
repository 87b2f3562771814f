"""The tests' own checksum, against the published check value."""

import struct

from fakes_wire import crc32_mpeg2


def test_the_checksum_of_the_catalogues_example():
    # CRC-32/MPEG-2 of "123456789" is 0x0376E6E7; after the eight bytes of two words, one byte is left.
    crc = crc32_mpeg2(struct.unpack(">2I", b"12345678"))
    crc ^= ord("9") << 24
    for _ in range(8):
        crc = ((crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    assert crc == 0x0376E6E7
