"""A day's work: what comes in, who works with it, what they do, and what each of them writes down."""
