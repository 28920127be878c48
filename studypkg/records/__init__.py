"""From a delivered file to rows one can trust: read, map, screen, and account for every row."""
