"""Computing pods become worker pods, with everything they need."""
