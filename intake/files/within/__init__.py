"""What reads each kind of file: a parser of that type must open it, and tells what it sees."""
