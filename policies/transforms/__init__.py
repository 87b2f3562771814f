"""Small frozen transforms, each with its undo, that training and serving share."""
