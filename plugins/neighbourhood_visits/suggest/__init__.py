"""What the desk suggests: a question's theme and department, and questions that say the same."""
