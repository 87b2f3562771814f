"""What runs: control loop, evaluation, reports."""
