"""`make demo`: a whole release on this machine, from a comment to a built image, told as it happens."""
