"""A tracker that is one learned network: the reference stream and the robot's measurement in, joint targets out."""
