"""A flow-matching policy of a few million parameters that learns from scratch, on a CPU if need be."""
