"""What every other part speaks: embodiment, 34-D layout, values that cross seams, clock, rotations, errors."""
