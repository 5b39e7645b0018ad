"""From a program and a problem's tests to verdict letters, with the program locked up."""
