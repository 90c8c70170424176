"""A fit: what an estimator's parameters come to, the training loops, and what becomes of the model meanwhile."""
