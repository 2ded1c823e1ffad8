"""Stand-ins for the services at the other end of the wire: strict about the documented limits, or openly hostile."""
