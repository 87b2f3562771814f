"""LeRobot's policy format: checkpoints to its folders, and its folders to checkpoints."""
