"""Planning a visit: its stops and their order, the papers for its team, its agenda, how it is announced."""
