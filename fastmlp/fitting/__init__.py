"""A fit: the problem that it solves, the point it starts from, its progress, the loops that train, and what it says."""
