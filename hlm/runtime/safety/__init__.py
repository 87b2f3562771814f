"""What stands between references and motors: the states of a body, what leads from one to the next, and the limits."""
