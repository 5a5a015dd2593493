"""Write a bundle as one file that runs without this package."""
