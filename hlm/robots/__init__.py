"""Robots behind their own wires: the Unitree G1 over DDS, and grippers over ZMQ."""
