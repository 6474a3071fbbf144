"""Office documents: as a zip of XML, in the older container, and as rich text."""
