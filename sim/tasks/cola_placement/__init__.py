"""Cola placement: walk to a table, pick the named can, put it on the mat."""
