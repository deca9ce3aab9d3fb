"""What is measured, and how: each figure beside its gate and, where it has one, its baseline."""
