"""The two doors: hooks from outside, and the operator's. The only room that knows HTTP as a server."""
