"""Whole-body control: rigid-body model, inverse kinematics, and the tracker that plays the reference stream."""
