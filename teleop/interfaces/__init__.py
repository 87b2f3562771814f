"""Narrower interfaces between operator and body, to compare with the whole-body one; see `docs/interfaces.md`."""
