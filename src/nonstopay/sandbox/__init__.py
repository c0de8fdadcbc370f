"""The pretend outside world: a bank, its UPI switch, faults, a movable clock."""
