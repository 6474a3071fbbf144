"""What an authority or operator changes without a programmer: settings and tables."""
