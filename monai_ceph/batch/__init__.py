"""Predict films into a folder: which are to do, each film's files, the tables; several processes share the work."""
