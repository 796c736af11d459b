"""Bad inputs from a file, each given to the part of the product that must withstand it."""
