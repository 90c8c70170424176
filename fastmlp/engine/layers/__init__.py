"""The kinds of layers, each a module of its own, and what several of them are made of; kinds has the list."""
