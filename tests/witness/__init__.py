"""What each rule claims, as a table: which program runs, and what it shows (tests/test_witness.py runs it)."""
