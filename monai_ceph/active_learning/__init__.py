"""Which film to annotate next."""
