"""A body for partial devices: sparse commands become targets of hands, feet, pelvis and centre of mass."""
