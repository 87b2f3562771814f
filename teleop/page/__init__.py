"""The operator's web page: what it shows, what it asks, the process that it runs in, and the device that it is."""
