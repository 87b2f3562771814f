"""NVIDIA's SONIC, which tracks whole-body references itself: its wire and a link that speaks it."""
