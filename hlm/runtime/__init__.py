"""What runs: control loop, bodies, action chunks, safety and recording."""
