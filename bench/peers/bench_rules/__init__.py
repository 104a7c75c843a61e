"""Rules for fixit, to be measured."""
