"""Go on training a bundle from corrected films."""
