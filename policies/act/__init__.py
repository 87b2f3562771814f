"""ACT: LeRobot's network behind hlm's interface."""
