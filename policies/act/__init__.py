"""ACT (Action Chunking Transformer): LeRobot's layers as a policy type of hlm."""
