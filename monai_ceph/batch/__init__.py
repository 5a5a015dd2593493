"""Predict films into a folder of results: which are to do, their files, tables and records."""
