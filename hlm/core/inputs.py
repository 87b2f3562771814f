"""What a step is made from besides images: names of these inputs in datasets, and how old one may be."""

from __future__ import annotations

# The robot's measurement.
STATE = "state"
# What a person's device said last; only where a person gives the references.
DEVICE = "device"
# A browser on a busy machine misses some of its frames; a person who is out of sight longer is not followed.
MAX_DEVICE_AGE_S = 0.5
