"""Recording with a person: the loop of a session, and what is shown of it."""
