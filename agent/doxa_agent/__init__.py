"""What runs on the probe at the commune office, and the far end of its measurements."""
