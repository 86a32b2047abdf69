"""The rules by which facts become rows. Pure: the same facts in any order, any number of times, give the same rows."""
