"""The twin of a Unitree G1: MuJoCo behind the robot's topics, its grippers and its cameras, in real time."""
