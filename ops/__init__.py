"""What a systems engineer runs: the command `parvis`, the server, the worker, and what they do to a town."""
