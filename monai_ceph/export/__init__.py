"""The whole system as one file that runs without this package."""
