"""Pi0.5: LeRobot's network, trained and sampled through hlm's own forward pass."""
