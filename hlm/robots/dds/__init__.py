"""Topics that Unitree's binding does not offer, through the DDS library that it brings."""
