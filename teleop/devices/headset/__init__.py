"""What headsets say, whichever way it comes: samples, clocks, clutch."""
