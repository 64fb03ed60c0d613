"""What people may ask of their data: to take it with them, to have it erased, to know what is kept."""
