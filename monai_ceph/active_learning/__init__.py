"""Choose which film to annotate next."""
