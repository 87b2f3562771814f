"""LeRobot's ACT and SmolVLA as kinds of policies, and checkpoints to and from LeRobot's format."""
