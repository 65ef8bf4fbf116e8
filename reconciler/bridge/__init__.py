"""Where the two sides meet: builds views from both clusters' caches and runs the controllers of one binding."""
