"""A tracker that stands by model and walks by a learned policy."""
