"""`nonstopay demo`: the main job, seen from outside, on this machine."""
