"""The command line: one module per verb of `hlm`, loaded when the verb is run."""
