"""What a department does with what is assigned to it: answers in time, with accounts or without."""
