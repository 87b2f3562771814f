"""SmolVLA: LeRobot's network as a policy type of hlm."""
