"""Fine-tune a bundle on corrected films."""
