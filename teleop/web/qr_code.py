"""Addresses as pictures that a headset's or a phone's camera reads from the terminal."""

from __future__ import annotations

import io


def qr_code(text: str) -> str:
    """A QR code of block characters, dark on a light ground, with the border that readers need.

    Args:
        text: what it says.
    """
    import segno

    picture = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(picture, compact=True)
    return picture.getvalue()
