"""What tasks share in which the right hand puts one of several objects onto a mat."""
