"""Rows for training: which ones a process reads, in which order, with files read ahead."""
