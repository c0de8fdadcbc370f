"""`nonstopay doctor`: whether the installation is in order, and what to do if not."""
