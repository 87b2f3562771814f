"""The command line: one module per verb of `hlm`, loaded only when it is asked for."""
