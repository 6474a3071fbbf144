"""What lies within a part that is kept whole: ``containers`` opens it, each of the others reads one kind."""
