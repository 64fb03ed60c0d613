"""What becomes of promises and questions afterwards: the way each has come, and who is asked and reminded."""
