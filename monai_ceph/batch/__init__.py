"""Predict films into a folder: choose those not yet done, write their files and the tables, and share the work among
processes.
"""
