"""How each kind of golden figure is replayed with our code. One module a method or thing."""
