"""Commands to a Unitree robot as they lie on the loopback wire, read with nothing but sockets."""

import socket
import struct
import time
from typing import NamedTuple

MOTORS = 35
_IPV4, _UDP, _DATA = 0x0800, 17, 0x15
_PORTS = 250  # of one DDS domain
# The payload of a LowCmd_ of unitree_hg: 4 bytes say how it is encoded, then 1000 bytes of CDR.
_ENCODING, _BYTES = 4, 1000


class WireCommand(NamedTuple):
    """What a LowCmd_ says.

    Attributes:
        mode_pr: which of the ankles' two descriptions is meant.
        mode_machine: must be the robot's.
        motors: [35] mode, position, velocity, torque, kp, kd, reserve.
        reserve: [4] words.
        crc: checksum.
    """

    mode_pr: int
    mode_machine: int
    motors: tuple[tuple[float, ...], ...]
    reserve: tuple[int, ...]
    crc: int

    @classmethod
    def parse(cls, cdr):
        """CDR, little endian: values lie at multiples of their size, and structures at no particular place."""
        motors, start = [], 2
        for _ in range(MOTORS):
            (mode,) = struct.unpack_from("<B", cdr, start)
            motors.append((mode, *struct.unpack_from("<5fI", cdr, start + 1 + -(start + 1) % 4)))
            start = start + 1 + -(start + 1) % 4 + 24
        *reserve, crc = struct.unpack_from("<5I", cdr, start)
        return cls(cdr[0], cdr[1], tuple(motors), tuple(reserve), crc)

    @property
    def words(self):
        """The words that the checksum is over: the message as a C structure, which aligns each motor to 4 bytes."""
        packed = struct.pack("<2B2x", self.mode_pr, self.mode_machine)
        packed += b"".join(struct.pack("<B3x5fI", *motor) for motor in self.motors)
        packed += struct.pack("<4I", *self.reserve)
        return struct.unpack(f"<{len(packed) // 4}I", packed)


def crc32_mpeg2(words):
    """CRC-32/MPEG-2 over 32-bit words, bit by bit: polynomial 0x04C11DB7, all ones at the start, nothing reflected."""
    crc = 0xFFFFFFFF
    for word in words:
        crc ^= word
        for _ in range(32):
            crc = ((crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


class Wire:
    """Hears all packets of the loopback interface for one DDS domain; needs the right to (CAP_NET_RAW).

    Args:
        port_base: of the domain.
    """

    def __init__(self, port_base):
        self._ports = range(port_base, port_base + _PORTS)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4))
        self._socket.bind(("lo", 0))
        self._socket.settimeout(1.0)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._socket.close()

    def commands(self, timeout_s):
        """Commands as they come, for so long."""
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            try:
                packet, address = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            if address[2] == socket.PACKET_OUTGOING or packet[9] != _UDP:
                continue  # everything goes by twice on this interface
            datagram = packet[4 * (packet[0] & 15) :]
            if struct.unpack_from(">H", datagram, 2)[0] in self._ports:
                yield from map(WireCommand.parse, _commands_in(datagram[8:]))


def _commands_in(message):
    """CDR of the commands in a message of DDSI-RTPS 2.3 (9.4)."""
    if message[:4] != b"RTPS":
        return
    start = 20
    while start + 4 <= len(message):
        kind, flags, length = struct.unpack_from("<BBH", message, start)
        end = start + 4 + length if length else len(message)
        if kind == _DATA and flags & 4:
            data = start + 8 + struct.unpack_from("<H", message, start + 6)[0]
            while flags & 2:  # parameters stand before the data
                name, size = struct.unpack_from("<HH", message, data)
                data += 4 + size
                if name == 1:
                    break
            if end - data == _ENCODING + _BYTES:
                yield message[data + _ENCODING : end]
        start = end
