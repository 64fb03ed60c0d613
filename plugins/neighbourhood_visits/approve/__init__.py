"""What helps to answer and approve: templates of answers, and delegates of absent officials."""
