"""How do other programs get scores? One HTTP server over the heads."""
